import { type DType, elementAt, isFloat, promote } from "../graph/dtype.js";
import { broadcastOrThrow, sameShape } from "../graph/shape.js";
import { hostData, Tensor } from "../graph/tensor.js";
import type { Algebra } from "./algebra.js";
import { cast } from "./cast.js";
import { holds, operands, scalar, type TensorLike } from "./constants.js";
import { apply, type Declaration, type Given, type Operator, type Rule } from "./operator.js";

// The kinds of elementwise operators: how they are declared, and how they are applied to operands of different dtypes.

/** One input, one output of the same shape and dtype. */
export const unary = (
  expression: <T>(algebra: Algebra<T>, x: T) => T,
  gradient: Rule | "nonDifferentiable",
  decompose?: Declaration["decompose"],
): Declaration => ({
  infer: ([x]) => x,
  kind: { is: "elementwise", expression: (algebra, [x]) => expression(algebra, x) },
  gradient: gradient === "nonDifferentiable" ? gradient : [gradient],
  decompose,
  read: (node, operator) => numeric(operator, node.input(0)),
});

/** Two inputs that broadcast, one output of their dtype. */
export const binary = (
  expression: <T>(algebra: Algebra<T>, a: T, b: T) => T,
  gradient: [Rule, Rule] | "nonDifferentiable",
  { commutative, ...more }: Partial<Declaration> & { readonly commutative?: boolean } = {},
): Declaration => ({
  infer: ([a, b], _, type) => ({ dtype: a.dtype, shape: broadcastOrThrow(type, a.shape, b.shape) }),
  kind: { is: "elementwise", expression: (algebra, [a, b]) => expression(algebra, a, b), commutative },
  gradient,
  read: (node, operator) => promoted(operator, node.input(0), node.input(1)),
  ...more,
});

/** Two inputs of one dtype that broadcast, booleans out. */
export const comparison = (expression: <T>(algebra: Algebra<T>, a: T, b: T) => T, commutative = false): Declaration => ({
  ...binary(expression, "nonDifferentiable", { commutative }),
  infer: ([a, b], _, type) => ({ dtype: "bool", shape: broadcastOrThrow(type, a.shape, b.shape) }),
  read: (node, operator) => compared(operator, node.input(0), node.input(1)),
});

/** Applies a comparison to operands promoted to one dtype. */
export function compared(operator: Operator, left: TensorLike, right: TensorLike): Tensor {
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

/** The simplification of an operator that leaves its other operand as it is when one is `element`. */
export const neutral = (element: number, left = true): Declaration["simplify"] => {
  const is = (x: Tensor) => {
    const data = x.size === 1 ? hostData(x) : undefined;
    return data !== undefined && Number(elementAt(data, 0, x.dtype)) === element;
  };
  const keeps = (x: Tensor, y: Tensor) => sameShape(broadcastOrThrow("neutral", x.shape, y.shape), x.shape);
  return ([a, b]) => (is(b) && keeps(a, b) ? a : left && is(a) && keeps(b, a) ? b : undefined);
};

/** The kernels of the 8-bit types and of booleans are few: these compute in int32 and come back. */
export const narrow = (dtype: DType): boolean => dtype === "bool" || dtype === "uint8" || dtype === "int8";

/** Applies a binary operator to operands promoted to one dtype. */
export function promoted(operator: Operator, left: TensorLike, right: TensorLike): Tensor {
  const [a, b] = operands(operator.type, left, right) as [Tensor, Tensor];
  const dtype = promote(a.dtype, b.dtype);
  const wide = narrow(dtype) ? "int32" : dtype;
  const result = apply(operator, [cast(a, wide), cast(b, wide)]);
  return dtype === "bool" ? result : cast(result, dtype);
}

/** Applies a unary operator that only floating-point numbers have. */
export function floating<A extends object>(operator: Operator<A>, value: TensorLike, ...attributes: Given<A>): Tensor {
  const [x] = operands(operator.type, value) as [Tensor];
  return apply(operator, [isFloat(x.dtype) ? x : cast(x, "float32")], ...attributes);
}

/** Applies a unary operator of any number type; integers are their own floor, ceiling and rounding. */
export function numeric<A extends object>(operator: Operator<A>, value: TensorLike, ...attributes: Given<A>): Tensor {
  const [x] = operands(operator.type, value) as [Tensor];
  if (!narrow(x.dtype)) return apply(operator, [x], ...attributes);
  return cast(apply(operator, [cast(x, "int32")], ...attributes), x.dtype === "bool" ? "int32" : x.dtype);
}

export const rounding = (operator: Operator, value: TensorLike): Tensor => {
  const [x] = operands(operator.type, value) as [Tensor];
  return isFloat(x.dtype) ? apply(operator, [x]) : x;
};

/** Applies an operator on booleans: anything but zero is true. */
export const ofBooleans = (operator: Operator, ...values: TensorLike[]): Tensor =>
  apply(
    operator,
    operands(operator.type, ...values).map((x) => cast(x, "bool")),
  );
