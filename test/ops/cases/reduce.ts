import type { ReduceOptions } from "kasane";
import * as k from "kasane";
import { type Case, type CaseTable, list, of, spread, truth, whole } from "./case.js";

const cube = spread([2, 3, 4]);

/** A reduction over all axes, one, one from the end, and several that stay. */
const overAxes = (reduce: (x: k.Tensor, options?: ReduceOptions) => k.Tensor, x = cube): Case[] => [
  of("over all axes", [x], (x) => reduce(x)),
  of("over the first axis", [x], (x) => reduce(x, { axis: 0 })),
  of("over the last axis, kept", [x], (x) => reduce(x, { axis: -1, keepDims: true })),
  of("over two axes", [x], (x) => reduce(x, { axis: [0, -1] })),
  of("over two axes, kept", [x], (x) => reduce(x, { axis: [1, 2], keepDims: true })),
];

const tied = list([1, 3, 3, 2, 2, 2], [2, 3]);

const indexCases = (reduce: typeof k.argmax): Case[] => [
  of("over all", [cube], (x) => reduce(x)),
  of("along the first axis", [cube], (x) => reduce(x, { axis: 0 })),
  of("along the last axis, kept", [cube], (x) => reduce(x, { axis: -1, keepDims: true })),
  of("of whole numbers", [whole([3, 1, 2, 5, 4, 6], [2, 3])], (x) => reduce(x, { axis: 1 })),
];

const truths = truth([0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1], [2, 2, 3]);

/** Reductions and running sums. */
export const reduce: CaseTable = {
  sum: [...overAxes(k.sum), of("of whole numbers", [whole([1, -2, 3, 4], [2, 2])], (x) => k.sum(x, { axis: 0 }))],
  mean: [...overAxes(k.mean), of("of whole numbers", [whole([1, -2, 3, 4], [2, 2])], (x) => k.mean(x, { axis: 0 }))],
  max: [
    ...overAxes(k.max),
    of("of equals", [tied], (x) => k.max(x, { axis: 1 }), { bent: true }),
    of("of whole numbers", [whole([1, -2, 3, 4], [2, 2])], (x) => k.max(x, { axis: 0 })),
  ],
  min: [
    ...overAxes(k.min),
    of("of equals", [tied], (x) => k.min(x, { axis: -1 }), { bent: true }),
    of("of whole numbers", [whole([1, -2, 3, 4], [2, 2])], (x) => k.min(x, { axis: 0 })),
  ],
  prod: [
    ...overAxes(k.prod, spread([2, 3, 4], -1.5, 1.5)),
    of("with zeros", [list([1, 2, 3, 0, 2, 3, 0, 0, 3], [3, 3])], (x) => k.prod(x, { axis: 1 })),
    of("of whole numbers", [whole([1, -2, 3, 4], [2, 2])], (x) => k.prod(x, { axis: 1 })),
  ],
  variance: [...overAxes(k.variance), of("without bias", [cube], (x) => k.variance(x, { axis: 1, correction: 1 }))],
  norm: [
    ...overAxes(k.norm),
    of("of order 1", [cube], (x) => k.norm(x, { axis: 1, order: 1 })),
    of("of order 3", [cube], (x) => k.norm(x, { axis: 1, order: 3 })),
    of("of order infinity", [cube], (x) => k.norm(x, { axis: 1, order: Number.POSITIVE_INFINITY })),
    of("of order 3, of 0", [list([0, 0, 3, 4], [2, 2])], (x) => k.norm(x, { axis: 1, order: 3 }), { bent: true }),
    of("of 0", [list([0, 0, 3, 4], [2, 2])], (x) => k.norm(x, { axis: 1 }), { bent: true }),
  ],
  logSumExp: [...overAxes(k.logSumExp), of("far from 0", [list([100, 101, -100, -101], [2, 2])], (x) => k.logSumExp(x, { axis: 1 }))],
  argmax: indexCases(k.argmax),
  argmin: indexCases(k.argmin),
  cumulativeSum: [
    of("along the last axis", [cube], (x) => k.cumulativeSum(x)),
    of("along another axis", [cube], (x) => k.cumulativeSum(x, { axis: 1 })),
    of("of whole numbers", [whole([1, 2, 3])], (x) => k.cumulativeSum(x)),
  ],
  any: [of("over all axes", [truths], (x) => k.any(x)), of("over one axis", [truths], (x) => k.any(x, { axis: 1 }))],
  all: [of("over all axes", [truths], (x) => k.all(x)), of("over one axis, kept", [truths], (x) => k.all(x, { axis: -1, keepDims: true }))],
};
