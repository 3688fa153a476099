import { compile, nn, optim, sum, type Tensor, tensor, Variable } from "kasane";
import { describe, expect, it } from "vitest";

const values = async (x: Tensor): Promise<number[]> => Array.from(await x.data(), Number);

/** A weight that falls by 1 with each step of gradient descent at a rate of 1. */
class Falling extends nn.Module {
  readonly weight = new Variable(tensor([0, 0]));
  readonly seen = new Variable(tensor([3], { dtype: "int32" }), { trainable: false });

  forward(): Tensor {
    return sum(this.weight);
  }
}

describe("an average of weights", () => {
  async function trained(options: optim.WeightAverageOptions, steps: number) {
    const model = new Falling();
    const optimizer = new optim.Sgd(model, { learningRate: 1 });
    const average = new optim.WeightAverage(model, options);
    const step = compile(
      () => {
        optimizer.minimize(model.forward());
        average.update();
      },
      { training: true },
    );
    for (let i = 0; i < steps; i++) await step();
    return { model, average };
  }

  it("starts as the first values, and forgets them sooner with warm-up", async () => {
    // -1, then half of it and half of -2, then half of that and half of -3
    expect(await values((await trained({ decay: 0.5 }, 3)).average.namedVariables().get("average/weight") as Variable)).toEqual([
      -2.25, -2.25,
    ]);
    // The decays are at most 2 / 11 and 3 / 12: -1, then -20 / 11, then -20 / 44 - 9 / 4.
    const [warm] = await values(
      (await trained({ decay: 0.99, warmUp: true }, 3)).average.namedVariables().get("average/weight") as Variable,
    );
    expect(warm).toBeCloseTo(-20 / 44 - 9 / 4, 5);
  });

  it("is computed within, and leaves the model as it is", async () => {
    const { model, average } = await trained({ decay: 0.5 }, 2);
    const evaluate = compile(() => {
      const of = average.within(() => model.forward());
      return { of, last: model.forward() };
    });
    const { of, last } = await evaluate();
    expect([await of.item(), await last.item()]).toEqual([-3, -4]);
    expect(() => average.within(() => model.forward())).toThrow("WeightAverage: within: call it in a function given to compile");
  });

  it("refuses to be computed within where running statistics follow", async () => {
    const model = new nn.BatchNorm1d(2);
    const average = new optim.WeightAverage(model);
    const body = () => average.within(() => model.forward(tensor([[1], [3]]).mul(tensor([1, 2]))));
    await expect(compile(body, { training: true })()).rejects.toThrow(/within: .*runningMean|within: .*numBatchesTracked/);
    expect((await compile(body)()).shape).toEqual([2, 2]);
  });

  it("is swapped in and out, integers left alone", async () => {
    const { model, average } = await trained({ decay: 0.5 }, 2);
    await average.swap();
    expect(await values(model.weight)).toEqual([-1.5, -1.5]);
    expect([...average.namedVariables().keys()]).toEqual(["averaged", "average/weight"]);
    await average.swap();
    expect(await values(model.weight)).toEqual([-2, -2]);
    expect(await values(model.seen)).toEqual([3]);
  });

  it("names what does not fit", () => {
    const model = new Falling();
    expect(() => new optim.WeightAverage(model, { decay: 1 })).toThrow("decay 1: expected a number from 0 and below 1");
    expect(() => new optim.WeightAverage(model, { warmUp: true })).toThrow("warmUp bounds a decay: give one, such as 0.999");
    expect(() => new optim.WeightAverage(model).update()).toThrow("an update is part of a step");
  });
});

describe("Lookahead", () => {
  it("goes ahead by some steps, and back to where the slow weights followed to", async () => {
    const weight = new Variable(tensor([0]));
    const lookahead = new optim.Lookahead(new optim.Sgd([weight], { learningRate: 1 }), { steps: 3, share: 0.25 });
    // As where weights are loaded once the optimizer is made.
    await weight.assign(tensor([8]));
    const step = compile(() => lookahead.minimize(sum(weight)), { training: true });
    const path: number[] = [];
    for (let i = 0; i < 7; i++) {
      await step();
      path.push(...(await values(weight)));
    }
    // From 8 down to 5, of which the slow weights follow a quarter: 7.25, then 6.5.
    expect(path).toEqual([7, 6, 7.25, 6.25, 5.25, 6.5, 5.5]);
    expect([...lookahead.namedVariables().keys()]).toEqual(["learningRate", "step", "lookahead", "slow/0"]);
  });

  it("counts the updates of an optimizer that accumulates", async () => {
    const weightAfter = async (options: { accumulate?: number }, steps: number) => {
      const weight = new Variable(tensor([8]));
      const lookahead = new optim.Lookahead(new optim.Sgd([weight], { learningRate: 1, ...options }), { steps: 3, share: 0.25 });
      const step = compile(() => lookahead.minimize(sum(weight)), { training: true });
      for (let i = 0; i < steps; i++) await step();
      return values(weight);
    };
    expect(await weightAfter({ accumulate: 4 }, 7 * 4)).toEqual(await weightAfter({}, 7));
  });

  it("names what does not fit", () => {
    const optimizer = new optim.Sgd([new Variable(tensor([0]))], { learningRate: 1 });
    expect(() => new optim.Lookahead(optimizer, { steps: 0 })).toThrow("Lookahead: steps 0: expected an integer from 1");
    expect(() => new optim.Lookahead(optimizer, { share: 2 })).toThrow("Lookahead: share 2: expected a number above 0, up to 1");
  });
});

describe("groups of parameters", () => {
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.LayerNorm(3));

  it.each<[string, optim.ParameterGroup[]]>([
    ["AdamW: group 1 takes none of the parameters layers.0.weight, layers.0.bias", [{ where: /0/ }, { where: /absent/ }]],
    ["AdamW: group 0: rateFactor -1: expected a number from 0", [{ where: /0/, rateFactor: -1 }]],
    ["AdamW: group 0: unknown option lr", [{ where: /0/, lr: 1 } as never]],
  ])("%s", (message, groups) => {
    expect(() => new optim.AdamW(model, { learningRate: 0.1, groups })).toThrow(message);
  });

  it("have no weight decay where the optimizer has none", () => {
    const groups = [{ where: optim.isBiasOrNorm, weightDecay: 0 }];
    expect(() => new optim.Adam(model, { learningRate: 0.1, groups })).toThrow("Adam: group 0: weightDecay: Adam has none");
  });

  it("take biases and what normalisations scale and shift by", () => {
    const found = [...model.namedVariables()].filter(([path, variable]) => optim.isBiasOrNorm(path, variable)).map(([path]) => path);
    expect(found).toEqual(["layers.0.bias", "layers.1.scale", "layers.1.shift"]);
  });
});
