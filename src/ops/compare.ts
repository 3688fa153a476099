import type { Tensor } from "../graph/tensor.js";
import type { TensorLike } from "./constants.js";
import { compared, comparison, ofBooleans, unary } from "./kinds.js";
import { family } from "./operator.js";

/** Comparisons and negation: bool out, no gradient. */
export const compare = family({
  Equal: comparison((m, a, b) => m.equal(a, b), true),
  Greater: comparison((m, a, b) => m.greater(a, b)),
  GreaterOrEqual: comparison((m, a, b) => m.greaterEqual(a, b)),
  Less: comparison((m, a, b) => m.greater(b, a)),
  LessOrEqual: comparison((m, a, b) => m.greaterEqual(b, a)),
  Not: { ...unary((m, x) => m.not(x), "nonDifferentiable"), read: (node) => logicalNot(node.input(0)) },
});

/** Where `a` equals `b`. */
export const equal = (a: TensorLike, b: TensorLike): Tensor => compared(compare.Equal, a, b);
/** Where `a` differs from `b`. */
export const notEqual = (a: TensorLike, b: TensorLike): Tensor => logicalNot(equal(a, b));
/** Where `a` is greater than `b`. */
export const greater = (a: TensorLike, b: TensorLike): Tensor => compared(compare.Greater, a, b);
/** Where `a` is at least `b`. */
export const greaterEqual = (a: TensorLike, b: TensorLike): Tensor => compared(compare.GreaterOrEqual, a, b);
/** Where `a` is less than `b`. */
export const less = (a: TensorLike, b: TensorLike): Tensor => compared(compare.Less, a, b);
/** Where `a` is at most `b`. */
export const lessEqual = (a: TensorLike, b: TensorLike): Tensor => compared(compare.LessOrEqual, a, b);
/** Where `x` is false (zero). */
export const logicalNot = (x: TensorLike): Tensor => ofBooleans(compare.Not, x);

/** The faces that tensors have as methods too. */
export const compareMethods = {
  equal,
  notEqual,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalNot,
};
