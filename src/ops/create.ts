import { type DType, elementAt, isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkShape, type Shape } from "../graph/shape.js";
import { hostData, type Tensor } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { compare } from "./compare.js";
import { literalType, scalar } from "./constants.js";
import { match } from "./match.js";
import { apply, declare, family } from "./operator.js";
import { expand, reshape, shapes } from "./shapes.js";

/** A tensor of `shape` whose every element is `value`. */
export function full(shape: Shape, value: number | bigint | boolean, dtype: DType = literalType(value)): Tensor {
  checkShape("full", shape);
  return expand(scalar(value, dtype), shape);
}

/** A tensor of zeros. */
export const zeros = (shape: Shape, dtype: DType = "float32"): Tensor => full(shape, 0, dtype);

/** A tensor of ones. */
export const ones = (shape: Shape, dtype: DType = "float32"): Tensor => full(shape, 1, dtype);

const absences = new Map<DType, Tensor>();

/**
 * Zeros that stand for something that is not there: the state before the first step, the gradient of what the loss does not depend on.
 * A product with them is zero, also where the other factor is infinite or NaN.
 */
export function absent(shape: Shape, dtype: DType): Tensor {
  const one = absences.get(dtype) ?? scalar(0, dtype);
  absences.set(dtype, one);
  return expand(one, shape);
}

/** Whether `x` is made by {@link absent}, in whatever shape. */
export const isAbsent = (x: Tensor): boolean => originOf(x) === absences.get(x.dtype);

/** Whether all elements are known to be zero. */
export function isZero(x: Tensor): boolean {
  const origin = originOf(x);
  const data = origin.size === 1 ? hostData(origin) : undefined;
  return data !== undefined && Number(elementAt(data, 0, x.dtype)) === 0;
}

/** What `x` was before it got its shape. */
function originOf(x: Tensor): Tensor {
  const node = match<unknown>(x, ...Object.values(shapes));
  return node ? originOf(node.inputs[0]) : x;
}

/** Zeros of the shape and dtype of `like`. */
export const zerosLike = (like: Tensor): Tensor => zeros(like.shape, like.dtype);

/** Ones of the shape and dtype of `like`. */
export const onesLike = (like: Tensor): Tensor => ones(like.shape, like.dtype);

/** `start, start + step, ...` below `stop`: shape `[ceil((stop - start) / step)]`. One argument counts from 0. */
export function arange(start: number, stop?: number, step = 1, dtype: DType = "int32"): Tensor {
  if (stop === undefined) return arange(0, start, step, dtype);
  check(step !== 0 && Number.isFinite((stop - start) / step), () => `arange: ${start} to ${stop} by ${step} has no end`);
  return apply(create.Range, [], { start, stop, step, dtype });
}

/** The identity matrix of `rows` rows, `[rows, columns]`. */
export const eye = (rows: number, columns = rows, dtype: DType = "float32"): Tensor =>
  cast(apply(compare.Equal, [reshape(arange(rows), [rows, 1]), arange(columns)]), dtype);

/** What makes a tensor from no other. */
export const create = family({
  Range: declare<{ start: number; stop: number; step: number; dtype: DType }>({
    infer: (_, { start, stop, step, dtype }) => ({ dtype, shape: [Math.max(0, Math.ceil((stop - start) / step))] }),
    gradient: "nonDifferentiable",
    // ONNX has Range for these types alone.
    lower: (_, { start, stop, step, dtype }): Tensor | undefined =>
      ["float32", "float64", "int32", "int64"].includes(dtype)
        ? undefined
        : cast(arange(start, stop, step, isFloat(dtype) ? "float32" : "int32"), dtype),
    elements: ({ start, stop, step }) => Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, i) => start + i * step),
    emit: (emitter, _, { start, stop, step, dtype }) =>
      emitter.node("Range", [emitter.scalar(start, dtype), emitter.scalar(stop, dtype), emitter.scalar(step, dtype)]),
  }),
});
