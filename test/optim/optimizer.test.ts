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

  it("with a rate of its own goes on from the state of one with a schedule", async () => {
    const { optimizer: scheduled } = descent(optim.cosine(0.1, 20));
    const { x, optimizer, step } = descent(0.5);
    await nn.writeVariables(optimizer.namedVariables(), await nn.readVariables(scheduled.namedVariables()));
    expect(await optimizer.learningRate.item()).toBe(0.5);
    await step();
    expect(await x.item()).toBe(-0.5);
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

  it("takes an infinite norm for no limit", async () => {
    const x = new Variable(tensor(1));
    const optimizer = new optim.Sgd([x], { learningRate: 0.5, clipGlobalNorm: Number.POSITIVE_INFINITY });
    await compile(() => optimizer.minimize(square(x)), { training: true })();
    expect(await x.item()).toBe(0);
  });

  it("leaves alone what is not trainable", async () => {
    const fixed = new Variable(tensor([1, 1]), { trainable: false });
    const trained = new Variable(tensor([1, 1]));
    const optimizer = new optim.Sgd([fixed, trained], { learningRate: 1 });
    await compile(() => optimizer.minimize(sum(matmul(fixed, trained))), { training: true })();
    expect(await values(fixed)).toEqual([1, 1]);
    expect(await values(trained)).toEqual([0, 0]);
  });

  const weight = new Variable(tensor([1]));

  it.each([
    ["Sgd", () => new optim.Sgd([weight], { lr: 0.1 } as never), "Sgd: unknown option lr: did you mean learningRate?"],
    ["Sgd", () => new (optim.Sgd as never as new (p: Variable[]) => unknown)([weight]), "Sgd: got no options: expected { learningRate }"],
    ["Adam", () => new optim.Adam([weight], {} as never), "Adam: the option learningRate is missing: expected { learningRate }"],
    ["Adam", () => new optim.Adam([weight], { learningRate: 1, weightDecay: 1 } as never), "Adam: unknown option weightDecay"],
    ["AdamW", () => new optim.AdamW([weight], { learningRate: 1, wd: 1 } as never), "AdamW: unknown option wd: did you mean weightDecay?"],
    ["RmsProp", () => new optim.RmsProp([weight], { learningRate: 1, rho: 1 } as never), "RmsProp: unknown option rho"],
    ["Adagrad", () => new optim.Adagrad([weight], { learningRate: 1, decay: 1 } as never), "Adagrad: unknown option decay"],
    ["Adadelta", () => new optim.Adadelta([weight], { learning_rate: 1 } as never), "did you mean learningRate?"],
    ["Adadelta", () => new optim.Adadelta([weight], { learningRate: 1, epsilon: 0 }), "epsilon: 0: expected a number above 0"],
    [
      "Adam",
      () => new optim.Adam([weight], { learningRate: 1, epsilon: 1e-50 }),
      "epsilon: 1e-50: expected a number above 0, also in float32",
    ],
    ["RmsProp", () => new optim.RmsProp([weight], { learningRate: 1, epsilon: -1 }), "epsilon: -1"],
    ["Adagrad", () => new optim.Adagrad([weight], { learningRate: 1, epsilon: 0 }), "epsilon: 0"],
    [
      "Sgd",
      () => new optim.Sgd([weight], { learningRate: 1, momentum: Number.NaN }),
      "Sgd: momentum NaN: expected a number from 0 and below 1",
    ],
    ["Sgd", () => new optim.Sgd([weight], { learningRate: 1, weightDecay: -1 }), "Sgd: weightDecay -1: expected a number from 0"],
    [
      "Sgd",
      () => new optim.Sgd([weight], { learningRate: Number.POSITIVE_INFINITY }),
      "Sgd: learningRate Infinity: expected a number from 0",
    ],
    ["Adam", () => new optim.Adam([weight], { learningRate: 1, beta1: 1 }), "Adam: beta1 1: expected a number from 0 and below 1"],
    ["AdamW", () => new optim.AdamW([weight], { learningRate: 1, beta2: -0.1 }), "AdamW: beta2 -0.1"],
    ["AdamW", () => new optim.AdamW([weight], { learningRate: 1, weightDecay: Number.NaN }), "AdamW: weightDecay NaN"],
    ["RmsProp", () => new optim.RmsProp([weight], { learningRate: 1, decay: 2 }), "RmsProp: decay 2: expected a number from 0 and below 1"],
    ["Adadelta", () => new optim.Adadelta([weight], { learningRate: 1, decay: -1 }), "Adadelta: decay -1"],
    [
      "Sgd",
      () => new optim.Sgd([weight], { learningRate: 1, groups: [{ where: /./, weightDecay: -1 }] }),
      "Sgd: group 0: weightDecay -1: expected a number from 0",
    ],
  ])("of %s refuses options: %#", (_, make, message) => {
    expect(make).toThrow(message);
  });

  it("tells what is wrong", async () => {
    const { weight } = linear();
    const fixed = new Variable(tensor([1]), { trainable: false });
    expect(() => new optim.Sgd([fixed], { learningRate: 1 })).toThrow("Sgd: got no trainable variables");
    expect(() => new optim.Sgd([weight], { learningRate: 1, nesterov: true })).toThrow("Nesterov's method needs a momentum, such as 0.9");
    expect(() => new optim.Sgd([weight], { learningRate: -1 })).toThrow("Sgd: learningRate -1: expected a number from 0");
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

describe.each([
  ["onnxruntime", ["float16", "float32", "float64"]],
  ["wasm", ["float32"]],
] as const)("gradients of zero, by %s", (executor, dtypes) => {
  const optimizers: Record<string, (p: Variable[]) => optim.Optimizer> = {
    Sgd: (p) => new optim.Sgd(p, { learningRate: 0.5, momentum: 0.5 }),
    Adagrad: (p) => new optim.Adagrad(p, { learningRate: 0.5 }),
    Adadelta: (p) => new optim.Adadelta(p, { learningRate: 0.5 }),
    RmsProp: (p) => new optim.RmsProp(p, { learningRate: 0.5 }),
    Adam: (p) => new optim.Adam(p, { learningRate: 0.5 }),
    AdamW: (p) => new optim.AdamW(p, { learningRate: 0.5, weightDecay: 0, amsgrad: true }),
  };
  it.each(Object.keys(optimizers).flatMap((name) => dtypes.map((dtype) => [name, dtype] as const)))(
    "leave a parameter as it is, and tiny ones move it: %s, %s",
    async (name, dtype) => {
      const parameter = new Variable(tensor([1, 2], { dtype }));
      const optimizer = (optimizers[name] as (typeof optimizers)[string])([parameter]);
      const step = compile((factors: Tensor) => optimizer.minimize(sum(parameter.mul(factors))), { training: true, executor });
      await step(tensor([0, 0], { dtype }));
      expect(await parameter.array()).toEqual([1, 2]);
      // The square of 2^-14 is no float16 number above 0.
      await step(tensor([0, 2 ** -14], { dtype }));
      const [still, moved] = (await parameter.array()) as number[];
      expect(still).toBe(1);
      if (/Adagrad|RmsProp|Adam/.test(name)) expect(moved).toBeLessThan(1.9);
      expect(Number.isFinite(moved)).toBe(true);
    },
  );
});

describe("clipping at the edges", () => {
  it("of no gradients gives none, whose norm is 0", async () => {
    expect(optim.clipByGlobalNorm([], 1)).toEqual([]);
    expect(optim.clipByValue([], 1)).toEqual([]);
    expect(await optim.globalNorm([]).item()).toBe(0);
  });

  it("of float16 gradients has a norm beyond float16", async () => {
    const gradients = [tensor([300, 400], { dtype: "float16" }), tensor([0], { dtype: "float32" })];
    expect(await optim.globalNorm(gradients).item()).toBe(500);
    expect(await optim.clipByGlobalNorm(gradients, 5)[0]?.array()).toEqual([3, 4]);
  });

  it("refuses limits that leave nothing", () => {
    for (const limit of [0, -1, Number.NaN]) {
      expect(() => optim.clipByGlobalNorm([], limit)).toThrow(`clipByGlobalNorm: limit ${limit}: expected a number above 0`);
      expect(() => optim.clipByValue([], limit)).toThrow(`clipByValue: limit ${limit}: expected a number above 0`);
    }
  });
});
