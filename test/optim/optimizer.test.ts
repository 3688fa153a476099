import { compile, matmul, mean, nn, optim, square, sub, sum, type Tensor, tensor, Variable } from "kasane";
import { describe, expect, it } from "vitest";

const values = async (x: Tensor): Promise<number[]> => Array.from(await x.data(), Number);

describe("clipping", () => {
  const gradients = [tensor([3, -4]), tensor([[12]])];

  it("by value holds each element", async () => {
    const clipped = optim.clipByValue(gradients, 3.5);
    expect(await Promise.all(clipped.map(values))).toEqual([[3, -3.5], [3.5]]);
  });

  it("by global norm scales all by one factor, and leaves smaller ones as they are", async () => {
    expect(await optim.globalNorm(gradients).item()).toBe(13);
    // 6.5 / 13 is a half, which float32 holds exactly.
    expect(await Promise.all(optim.clipByGlobalNorm(gradients, 6.5).map(values))).toEqual([[1.5, -2], [6]]);
    expect(await Promise.all(optim.clipByGlobalNorm(gradients, 14).map(values))).toEqual([[3, -4], [12]]);
    expect(await Promise.all(optim.clipByGlobalNorm([tensor([0, 0])], 1).map(values))).toEqual([[0, 0]]);
  });

  it("is what the optimizer's options ask for: first by value, then by norm", async () => {
    const weights = [new Variable(tensor([0, 0])), new Variable(tensor([[0]]))];
    const optimizer = new optim.Sgd(weights, { learningRate: 1, clipValue: 4, clipGlobalNorm: Math.sqrt(41) / 2 });
    await compile(() => optimizer.apply(gradients), { training: true })();
    // [3, -4] and [4] have the norm √41.
    const result = (await Promise.all(weights.map(values))).flat();
    [-1.5, 2, -2].forEach((expected, i) => expect(result[i]).toBeCloseTo(expected, 6));
  });
});

describe("the learning rate", () => {
  /** One variable x, whose gradient is 1, so that it falls by the rate. */
  function descent(learningRate: number | optim.Schedule) {
    const x = new Variable(tensor(0));
    const optimizer = new optim.Sgd([x], { learningRate });
    let traces = 0;
    const step = compile(
      () => {
        traces++;
        const rate = optimizer.learningRate;
        optimizer.minimize(sum(x));
        return rate;
      },
      { training: true },
    );
    return { x, optimizer, step, traces: () => traces };
  }

  it("changes from the next step on, with no retrace", async () => {
    const { x, optimizer, step, traces } = descent(0.5);
    await step();
    optimizer.learningRate = 0.25;
    await step();
    expect(await x.item()).toBe(-0.75);
    expect(await optimizer.learningRate.item()).toBe(0.25);
    // A step that was called keeps its rate, whenever it ends.
    const called = step();
    optimizer.learningRate = 8;
    await called;
    expect(await x.item()).toBe(-1);
    expect(traces()).toBe(1);
  });

  it("follows a schedule of the updates made, until it is set", async () => {
    const { x, optimizer, step, traces } = descent(optim.stepDecay(1, 1, 0.5));
    const rates = [];
    for (const set of [undefined, undefined, 4, undefined, 0]) {
      if (set !== undefined) optimizer.learningRate = set;
      rates.push(await (await step()).item());
    }
    expect(rates).toEqual([1, 0.5, 4, 4, 0]);
    expect(await x.item()).toBe(-(1 + 0.5 + 4 + 4));
    expect(await optimizer.step.item()).toBe(5);
    expect(await descent(optim.constant(0.5)).optimizer.learningRate.item()).toBe(0.5);
    expect(traces()).toBe(1);
  });
});

describe("an optimizer", () => {
  const linear = () => new nn.Linear(2, 1);

  it("knows its state by the names of the module's variables, or by places", () => {
    const options = { learningRate: 0.1 };
    expect([...new optim.Adam(linear(), options).namedVariables().keys()]).toEqual([
      "learningRate",
      "step",
      "firstMoment/weight",
      "secondMoment/weight",
      "firstMoment/bias",
      "secondMoment/bias",
      "firstCorrection",
      "secondCorrection",
    ]);
    const { weight } = linear();
    expect([...new optim.Sgd([weight, weight], { ...options, momentum: 0.9 }).namedVariables().keys()]).toEqual([
      "learningRate",
      "step",
      "velocity/0",
    ]);
    expect([...new optim.Sgd([weight], options).namedVariables().keys()]).toEqual(["learningRate", "step"]);
  });

  it("goes on to the bit from its saved state", async () => {
    const data = [tensor([1, 2, 3, -1], { shape: [2, 2] }), tensor([1, 0], { shape: [2, 1] })] as const;
    const start = async () => {
      const model = linear();
      await model.loadStateDict(initial);
      const optimizer = new optim.AdamW(model, { learningRate: optim.cosine(0.1, 20) });
      const step = compile(
        (x: Tensor, y: Tensor) => {
          const loss = mean(square(sub(model.forward(x), y)));
          optimizer.minimize(loss);
          return loss;
        },
        { training: true },
      );
      const run = async (count: number) => {
        const losses = [];
        for (let i = 0; i < count; i++) losses.push(await (await step(...data)).item());
        return losses;
      };
      return { model, optimizer, run };
    };
    const initial = await linear().stateDict();
    const whole = await start();
    const expected = await whole.run(8);
    const before = await start();
    const after = await start();
    const losses = await before.run(3);
    await after.model.loadStateDict(await before.model.stateDict());
    await nn.writeVariables(after.optimizer.namedVariables(), await nn.readVariables(before.optimizer.namedVariables()));
    expect([...losses, ...(await after.run(5))]).toEqual(expected);
    expect(new Set(expected).size).toBe(8);
  });

  it("leaves alone what is not trainable", async () => {
    const fixed = new Variable(tensor([1, 1]), { trainable: false });
    const trained = new Variable(tensor([1, 1]));
    const optimizer = new optim.Sgd([fixed, trained], { learningRate: 1 });
    await compile(() => optimizer.minimize(sum(matmul(fixed, trained))), { training: true })();
    expect(await values(fixed)).toEqual([1, 1]);
    expect(await values(trained)).toEqual([0, 0]);
  });

  it("tells what is wrong", async () => {
    const { weight } = linear();
    const fixed = new Variable(tensor([1]), { trainable: false });
    expect(() => new optim.Sgd([fixed], { learningRate: 1 })).toThrow("Sgd: got no trainable variables");
    expect(() => new optim.Sgd([weight], { learningRate: 1, nesterov: true })).toThrow("Nesterov's method needs a momentum, such as 0.9");
    expect(() => new optim.Sgd([weight], { learningRate: -1 })).toThrow("learningRate: -1: expected a number from 0");
    const optimizer = new optim.Sgd([weight], { learningRate: 1 });
    expect(() => optimizer.minimize(sum(weight))).toThrow("Sgd: an update is part of a step: make it in a function given to compile");
    await expect(compile(() => optimizer.apply([]), { training: true })()).rejects.toThrow("apply: got 0 gradients for 1 parameters");
    for (const options of [{}, { training: false }]) {
      const untrained = compile(() => optimizer.minimize(sum(weight)), options);
      await expect(untrained()).rejects.toThrow("Sgd: an update in a function compiled without training, where dropout is off");
    }
    await expect(compile(() => optimizer.apply([tensor([1])]), { training: true })()).rejects.toThrow(
      /the gradient of .* is \[1\], expected \[1, 2\]/,
    );
  });
});
