import { promote } from "../graph/dtype.js";
import { Tensor } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { holds, operands, scalar, type TensorLike } from "./constants.js";
import { comparison, narrow, ofBooleans, unary } from "./kinds.js";
import { apply, family, type Operator } from "./operator.js";

/** Comparisons and negation: bool out, no gradient. */
export const compare = family({
  Equal: comparison((m, a, b) => m.equal(a, b), true),
  Greater: comparison((m, a, b) => m.greater(a, b)),
  GreaterOrEqual: comparison((m, a, b) => m.greaterEqual(a, b)),
  Less: comparison((m, a, b) => m.greater(b, a)),
  LessOrEqual: comparison((m, a, b) => m.greaterEqual(b, a)),
  Not: unary((m, x) => m.not(x), "nonDifferentiable"),
});

function compared(operator: Operator, left: TensorLike, right: TensorLike): Tensor {
  const { dtype: beside = "float32" } = [left, right].find((value) => value instanceof Tensor) ?? {};
  // A number beyond all that the dtype of the tensor beside it holds is infinite to it.
  const within = (value: TensorLike): TensorLike =>
    value instanceof Tensor || holds(beside, value)
      ? value
      : scalar(Number(value) > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY, "float32");
  const [a, b] = operands(operator.type, within(left), within(right)) as [Tensor, Tensor];
  const dtype = promote(a.dtype, b.dtype);
  const wide = narrow(dtype) ? "int32" : dtype;
  return apply(operator, [cast(a, wide), cast(b, wide)]);
}

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
