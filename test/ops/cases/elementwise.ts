import * as k from "kasane";
import { type Case, type CaseTable, list, of, spread, truth, whole } from "./case.js";

const positive = spread([2, 3], 0.5, 3);
const signed = spread([2, 3], -2, 2);
const shades = list([-3, -1.5, -0.5, -1e-3, 0, 1e-3, 0.5, 1.5, 2.5, 3]);

/** Arithmetic, elementary functions, choice. */
export const elementwise: CaseTable = {
  add: [
    of("of one shape", [signed, signed], k.add),
    of("broadcast", [spread([2, 1, 3]), spread([4, 1])], k.add),
    of("with a number", [signed], (x) => k.add(1.5, x)),
    of("of whole numbers", [whole([1, -2, 3]), whole([5, 6, 7])], k.add),
    of("of a tensor with itself", [signed], (x) => x.add(x)),
  ],
  sub: [
    of("of one shape", [signed, signed], k.sub),
    of("broadcast", [spread([3]), spread([2, 3])], k.sub),
    of("of whole numbers", [whole([1, -2, 3]), whole([5, 6, 7])], k.sub),
  ],
  mul: [
    of("of one shape", [signed, signed], k.mul),
    of("broadcast", [spread([2, 1, 3]), spread([4, 1])], k.mul),
    of("of whole numbers", [whole([1, -2, 3]), whole([5, 6, 7])], k.mul),
  ],
  div: [
    of("of one shape", [signed, positive], k.div),
    of("broadcast", [spread([4, 1]), spread([3], 0.5, 2)], k.div),
    of("of whole numbers", [whole([7, -7, 1]), whole([2, 2, -4])], k.div),
  ],
  floorDiv: [
    of("of fractions", [spread([3, 4], -9, 9), spread([4], 0.7, 2.9)], k.floorDiv, { bent: true }),
    of("of whole numbers", [whole([7, -7, 7, -7, 6, -6]), whole([2, 2, -2, -2, 3, 3])], k.floorDiv),
  ],
  mod: [
    of("of fractions", [spread([3, 4], -9, 9), list([0.7, -1.3, 2.9, -2.2])], k.mod),
    of("of whole numbers", [whole([7, -7, 7, -7, 6, -6]), whole([2, 2, -2, -2, 3, 3])], k.mod),
  ],
  pow: [
    of("of positive numbers", [positive, signed], k.pow),
    of("broadcast", [spread([2, 1], 0.5, 2), spread([3])], k.pow),
    of("by a whole number", [signed], (x) => k.pow(x, 3)),
    of("by a half", [positive], (x) => k.pow(x, 0.5)),
    of("of a number", [signed], (x) => k.pow(2, x)),
    of("of 0", [list([0, 0, 0]), list([0, 1, 2])], k.pow, { bent: true }),
    of("of whole numbers", [whole([2, -3, 5]), whole([10, 3, 0])], k.pow),
  ],
  maximum: [
    of("broadcast", [spread([2, 3]), spread([3])], k.maximum),
    of("of equals", [list([1, 2, 2]), list([2, 2, 1])], k.maximum, { bent: true }),
    of("of whole numbers", [whole([1, -2, 3]), whole([2, -3, 3])], k.maximum),
  ],
  minimum: [
    of("broadcast", [spread([2, 3]), spread([3])], k.minimum),
    of("of equals", [list([1, 2, 2]), list([2, 2, 1])], k.minimum, { bent: true }),
    of("of whole numbers", [whole([1, -2, 3]), whole([2, -3, 3])], k.minimum),
  ],
  clip: [
    of("of fractions", [signed], (x) => k.clip(x, -1, 0.75)),
    of("at the bounds", [list([-1.5, -1, 0, 0.75, 2])], (x) => k.clip(x, -1, 0.75), { bent: true }),
    of("from below alone", [signed], (x) => k.clip(x, 0.1, Number.POSITIVE_INFINITY)),
    of("of whole numbers", [whole([-5, 0, 5])], (x) => k.clip(x, Number.NEGATIVE_INFINITY, 3)),
  ],
  neg: [of("of fractions", [signed], k.neg), of("of whole numbers", [whole([-3, 0, 4])], k.neg)],
  abs: [
    of("of fractions", [signed], k.abs),
    of("at 0", [list([-1, 0, 2])], k.abs, { bent: true }),
    of("of whole numbers", [whole([-3, 0, 4])], k.abs),
  ],
  sign: [of("of fractions", [list([-2.5, -0.1, 0, 0.1, 3])], k.sign, { bent: true }), of("of whole numbers", [whole([-3, 0, 4])], k.sign)],
  floor: [of("of fractions", [shades], k.floor, { bent: true })],
  ceil: [of("of fractions", [shades], k.ceil, { bent: true })],
  round: [of("halves to even", [list([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.4, 0.6, -0.6, 7])], k.round, { bent: true })],
  square: [of("of fractions", [signed], k.square), of("of whole numbers", [whole([-3, 0, 4])], k.square)],
  sqrt: [of("of positive numbers", [positive], k.sqrt)],
  rsqrt: [of("of positive numbers", [positive], k.rsqrt)],
  reciprocal: [of("of fractions", [signed], k.reciprocal)],
  exp: [of("of fractions", [signed], k.exp)],
  log: [of("of positive numbers", [positive], k.log)],
  log1p: [
    of("of fractions", [spread([2, 3], -0.9, 4)], k.log1p),
    of("near 0", [list([1e-10, -1e-10, 3e-8, 1e-7, -2e-7, 1e-8])], k.log1p),
    of("close to 0", [list([1e-4, -1e-4, 1e-3, 3e-5, 7e-6])], k.log1p),
  ],
  expm1: [
    of("of fractions", [spread([2, 3], -4, 4)], k.expm1),
    of("near 0", [list([1e-10, -1e-10, 3e-8, 1e-7, -2e-7, 1e-8])], k.expm1),
    of("close to 0", [list([1e-4, -1e-4, 1e-3, 3e-5, 7e-6])], k.expm1),
    of("far below 0", [list([-20, -90, -200])], k.expm1),
    of("of 0", [list([0, 1])], k.expm1),
  ],
  sin: [of("of radians", [spread([2, 4], -6, 6)], k.sin)],
  cos: [of("of radians", [spread([2, 4], -6, 6)], k.cos)],
  tanh: [of("of fractions", [spread([2, 4], -4, 4)], k.tanh)],
  where: [
    of("of one shape", [truth([1, 0, 1, 0, 0, 1], [2, 3]), signed, signed], k.where),
    of("broadcast", [truth([1, 0], [2, 1]), spread([3]), spread([2, 3])], k.where),
    of("with a number", [truth([1, 0, 1]), spread([3])], (condition, x) => k.where(condition, x, 0)),
    of("of whole numbers", [truth([1, 0, 1]), whole([1, 2, 3]), whole([4, 5, 6])], k.where),
  ],
};

type Binary = (a: k.Tensor, b: k.TensorLike) => k.Tensor;

const comparison = (compare: Binary): Case[] => [
  of("of fractions", [list([-1, 0, 1, 2]), list([-1, 1, 0.5, 2])], compare, { bent: true }),
  of("of whole numbers, broadcast", [whole([1, 2, 3]), whole([1, 3], [2, 1])], compare),
  of("with a number", [list([-1, 0.5, 1])], (x) => compare(x, 0.5), { bent: true }),
];

const logic = (combine: Binary): Case[] => [
  of("of truth values", [truth([0, 0, 1, 1]), truth([0, 1, 0, 1])], combine),
  of("broadcast", [truth([0, 1]), truth([0, 1], [2, 1])], combine),
];

/** Comparisons and logic. */
export const compare: CaseTable = {
  equal: comparison(k.equal),
  notEqual: comparison(k.notEqual),
  greater: comparison(k.greater),
  greaterEqual: comparison(k.greaterEqual),
  less: comparison(k.less),
  lessEqual: comparison(k.lessEqual),
  logicalAnd: logic(k.logicalAnd),
  logicalOr: logic(k.logicalOr),
  logicalXor: logic(k.logicalXor),
  logicalNot: [of("of truth values", [truth([0, 1])], k.logicalNot)],
};

/** Activation functions. */
export const activation: CaseTable = {
  relu: [of("of fractions", [signed], k.relu), of("at 0", [list([-1, 0, 1])], k.relu, { bent: true })],
  leakyRelu: [of("of the usual slope", [signed], (x) => k.leakyRelu(x)), of("of another slope", [signed], (x) => k.leakyRelu(x, 0.2))],
  elu: [of("of alpha 1", [signed], (x) => k.elu(x)), of("of another alpha", [signed], (x) => k.elu(x, 0.5))],
  gelu: [of("of fractions", [spread([3, 4], -4, 4)], k.gelu)],
  silu: [of("of fractions", [spread([3, 4], -4, 4)], k.silu)],
  sigmoid: [of("of fractions", [spread([3, 4], -4, 4)], k.sigmoid), of("far from 0", [list([-100, -30, 0, 30, 100])], k.sigmoid)],
  softplus: [of("of fractions", [spread([3, 4], -4, 4)], k.softplus), of("far from 0", [list([-100, -30, 15, 100])], k.softplus)],
  hardSwish: [of("of fractions", [spread([3, 4], -5, 5)], k.hardSwish)],
  erf: [of("of fractions", [spread([3, 4], -4, 4)], k.erf), of("near 0", [list([1e-6, -1e-5, 1e-3])], k.erf)],
};
