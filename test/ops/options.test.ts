import * as kasane from "kasane";
import { KasaneError, ones, type Tensor } from "kasane";
import { describe, expect, it } from "vitest";
import { lossMethods } from "../../src/ops/loss.js";
import { reduceMethods } from "../../src/ops/reduce.js";

const x = ones([2, 3]);
const indices = kasane.zeros([2, 3], "int32");

/** Every function that takes an axis, called with `options`, of whatever type. */
const calls: Readonly<Record<string, (options: never) => unknown>> = {
  sum: (options) => kasane.sum(x, options),
  mean: (options) => kasane.mean(x, options),
  max: (options) => kasane.max(x, options),
  min: (options) => kasane.min(x, options),
  prod: (options) => kasane.prod(x, options),
  variance: (options) => kasane.variance(x, options),
  norm: (options) => kasane.norm(x, options),
  logSumExp: (options) => kasane.logSumExp(x, options),
  any: (options) => kasane.any(x, options),
  all: (options) => kasane.all(x, options),
  argmax: (options) => kasane.argmax(x, options),
  argmin: (options) => kasane.argmin(x, options),
  softmax: (options) => kasane.softmax(x, options),
  logSoftmax: (options) => kasane.logSoftmax(x, options),
  cumulativeSum: (options) => kasane.cumulativeSum(x, options),
  concat: (options) => kasane.concat([x, x], options),
  stack: (options) => kasane.stack([x, x], options),
  split: (options) => kasane.split(x, 2, options),
  gather: (options) => kasane.gather(x, indices, options),
  takeAlongAxis: (options) => kasane.takeAlongAxis(x, indices, options),
  scatterAdd: (options) => kasane.scatterAdd(x, indices, x, options),
  topK: (options) => kasane.topK(x, 1, options),
  sort: (options) => kasane.sort(x, options),
  flip: (options) => kasane.flip(x, options),
  roll: (options) => kasane.roll(x, 1, options),
  squeeze: (options) => kasane.squeeze(x, options),
  unsqueeze: (options) => kasane.unsqueeze(x, options),
};

describe("the option axis", () => {
  it.each(Object.entries(calls))("%s refuses a number in its place, and names it does not know", (name, call) => {
    expect(() => call(1 as never)).toThrow(KasaneError);
    expect(() => call(1 as never)).toThrow(`${name}: got 1 where its options belong: write { axis: 1 }`);
    expect(() => call({ axes: 0 } as never)).toThrow(`${name}: unknown option axes: did you mean axis?`);
    expect(() => call({ axis: 5 } as never)).toThrow(`${name}: axis 5 of a tensor of rank`);
  });

  it("counts from the end where it is negative", () => {
    const shape = (y: Tensor) => y.shape;
    expect(shape(x.sum({ axis: -1 }))).toEqual([2]);
    expect(shape(x.sum({ axis: [0, -1], keepDims: true }))).toEqual([1, 1]);
    expect(shape(x.unsqueeze({ axis: -1 }))).toEqual([2, 3, 1]);
    expect(shape(x.unsqueeze({ axis: [0, -1] }))).toEqual([1, 2, 3, 1]);
    expect(shape(kasane.stack([x, x], { axis: -1 }))).toEqual([2, 3, 2]);
    expect(shape(kasane.concat([x, x], { axis: -1 }))).toEqual([2, 6]);
  });
});

describe("a reduction without its operand", () => {
  it.each(Object.entries(reduceMethods))("%s says that a tensor is missing", (name, reduction) => {
    expect(() => reduction(undefined as never)).toThrow(`${name}: operand 1 is undefined: expected a tensor`);
  });
});

describe("a loss", () => {
  const { crossEntropy, tripletLoss, cosineSimilarity, ...losses } = lossMethods;
  it.each(Object.entries(losses))("%s refuses options that it does not have, and unknown reductions", (name, loss) => {
    expect(() => loss(x, x, { reduktion: "sum" } as never)).toThrow(`${name}: unknown option reduktion: did you mean reduction?`);
    expect(() => loss(x, x, { reduction: "average" } as never)).toThrow(`${name}: reduction "average": expected "mean", "sum" or "none"`);
  });

  it("of triplets and of classes does so too", () => {
    expect(() => tripletLoss(x, x, x, { margn: 1 } as never)).toThrow("tripletLoss: unknown option margn: did you mean margin?");
    expect(() => crossEntropy(x, kasane.zeros([2], "int32"), { smoothing: 0.1 } as never)).toThrow(
      "crossEntropy: unknown option smoothing",
    );
    expect(() => cosineSimilarity(x, x, { epsilom: 1 } as never)).toThrow(
      "cosineSimilarity: unknown option epsilom: did you mean epsilon?",
    );
  });
});
