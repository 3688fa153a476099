import { promote } from "../graph/dtype.js";
import { broadcastOrThrow } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import type { Algebra } from "./algebra.js";
import { cast } from "./cast.js";
import { operands, type TensorLike } from "./create.js";
import { add, mul } from "./elementwise.js";
import { apply, type Declaration, family, type Operator } from "./operator.js";

const comparison = (truth: <T>(algebra: Algebra<T>, a: T, b: T) => T, commutative = false): Declaration => ({
  infer: ([a, b], _, type) => ({ dtype: "bool", shape: broadcastOrThrow(type, a.shape, b.shape) }),
  gradient: "nonDifferentiable",
  expression: (algebra, [a, b]) => truth(algebra, a, b),
  commutative,
});

/** Logic, which WebGPU has no kernels for: there in arithmetic on 0 and 1. */
const logic = (truth: <T>(algebra: Algebra<T>, a: T, b: T) => T, arithmetic: (a: Tensor, b: Tensor) => Tensor): Declaration => ({
  ...comparison(truth, true),
  lower: ([a, b], _, { device }) => (device === "webgpu" ? arithmetic(cast(a, "float32"), cast(b, "float32")) : undefined),
});

/** Comparisons and logic: bool out, no gradient. */
export const compare = family({
  Equal: comparison((m, a, b) => m.equal(a, b), true),
  Greater: comparison((m, a, b) => m.greater(a, b)),
  GreaterOrEqual: comparison((m, a, b) => m.greaterEqual(a, b)),
  Less: comparison((m, a, b) => m.greater(b, a)),
  LessOrEqual: comparison((m, a, b) => m.greaterEqual(b, a)),
  And: logic(
    (m, a, b) => m.and(a, b),
    (a, b) => greater(mul(a, b), 0),
  ),
  Or: logic(
    (m, a, b) => m.or(a, b),
    (a, b) => greater(add(a, b), 0),
  ),
  Xor: logic(
    (m, a, b) => m.not(m.equal(a, b)),
    (a, b) => equal(add(a, b), 1),
  ),
  Not: { infer: ([x]) => ({ dtype: "bool", shape: x.shape }), gradient: "nonDifferentiable", expression: (m, [x]) => m.not(x) },
});

function compared(operator: Operator, left: TensorLike, right: TensorLike): Tensor {
  const [a, b] = operands(operator.type, left, right) as [Tensor, Tensor];
  const dtype = promote(a.dtype, b.dtype);
  // The kernels have no comparison of booleans or of the 8-bit types.
  const wide = dtype === "bool" || dtype === "uint8" || dtype === "int8" ? "int32" : dtype;
  return apply(operator, [cast(a, wide), cast(b, wide)]);
}

const truth = (operator: Operator, ...values: TensorLike[]): Tensor =>
  apply(
    operator,
    operands(operator.type, ...values).map((x) => cast(x, "bool")),
  );

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
/** Where both are true (anything but zero). */
export const logicalAnd = (a: TensorLike, b: TensorLike): Tensor => truth(compare.And, a, b);
/** Where at least one is true. */
export const logicalOr = (a: TensorLike, b: TensorLike): Tensor => truth(compare.Or, a, b);
/** Where exactly one is true. */
export const logicalXor = (a: TensorLike, b: TensorLike): Tensor => truth(compare.Xor, a, b);
/** Where `x` is false (zero). */
export const logicalNot = (x: TensorLike): Tensor => truth(compare.Not, x);

/** The faces that tensors have as methods too. */
export const compareMethods = {
  equal,
  notEqual,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalOr,
  logicalXor,
  logicalNot,
};
