import { arrayOf, convert, type DType, dtypeOf, elementAt, isFloat, type TypedArray } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkShape, type Shape } from "../graph/shape.js";
import { fromData, hostData, Tensor } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { compare } from "./compare.js";
import { apply, declare, family } from "./operator.js";
import { expand, reshape, shapes } from "./shapes.js";

/** Numbers, booleans or bigints, nested in arrays as deep as the tensor has axes. */
export type NestedArray = number | bigint | boolean | readonly NestedArray[];

/** What an operator takes for a tensor: scalars take the dtype of the other operand. */
export type TensorLike = Tensor | number | bigint | boolean;

/**
 * A tensor of the given elements.
 * @param values nested arrays, or a typed array (not copied) with `shape`
 * @param options.dtype by default float32 for numbers, bool for booleans, int64 for bigints, a typed array's own
 * @param options.shape by default as the arrays are nested, or one axis
 * @throws KasaneError where rows differ in length or the elements do not fill the shape
 */
export function tensor(values: NestedArray | TypedArray, options: { dtype?: DType; shape?: Shape } = {}): Tensor {
  if (ArrayBuffer.isView(values)) {
    const dtype = options.dtype ?? dtypeOf(values);
    const data = values instanceof arrayOf(dtype) ? values : convert(values, dtype);
    return fromData(data, options.shape ?? [values.length], dtype);
  }
  const shape: number[] = [];
  for (let level: NestedArray = values; Array.isArray(level); level = level[0] as NestedArray) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: (number | bigint | boolean)[] = [];
  flatten(values, shape, 0, flat);
  const dtype = options.dtype ?? literalType(flat[0]);
  return fromData(convert(flat, dtype), options.shape ?? shape, dtype);
}

function flatten(value: NestedArray, shape: Shape, depth: number, into: (number | bigint | boolean)[]): void {
  if (Array.isArray(value)) {
    check(
      value.length === shape[depth],
      () => `tensor: rows differ in length: ${value.length} and ${shape[depth] ?? "a scalar"} at depth ${depth}`,
    );
    for (const item of value) flatten(item, shape, depth + 1, into);
  } else {
    const known = typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
    check(known, () => `tensor: an element is ${value === null ? "null" : typeof value}: expected numbers, bigints or booleans`);
    check(depth === shape.length, () => `tensor: a scalar stands beside arrays at depth ${depth}: all rows must be nested alike`);
    into.push(value as number);
  }
}

const literalType = (value: unknown): DType => (typeof value === "boolean" ? "bool" : typeof value === "bigint" ? "int64" : "float32");

/** A scalar of `dtype`. */
export const scalar = (value: number | bigint | boolean, dtype: DType): Tensor => fromData(convert([value], dtype), [], dtype);

/**
 * The operands of an operator as tensors: a plain scalar takes the dtype of the tensors beside it,
 * or float32 where a fraction or a boolean meets a type that cannot hold it.
 */
export function operands(operation: string, ...values: TensorLike[]): Tensor[] {
  const dtype = values.find((value) => value instanceof Tensor)?.dtype;
  return values.map((value) => {
    if (value instanceof Tensor) return value;
    check(
      typeof value === "number" || typeof value === "boolean" || typeof value === "bigint",
      () => `${operation}: got ${Array.isArray(value) ? "an array" : typeof value}, expected a tensor or a number: wrap it in tensor(...)`,
    );
    const whole = typeof value !== "number" || Number.isInteger(value);
    if (dtype === undefined || (!whole && !isFloat(dtype))) return scalar(value, literalType(value));
    return scalar(value, dtype === "bool" && typeof value !== "boolean" ? "int32" : dtype);
  });
}

/** A tensor of `shape` whose every element is `value`. */
export function full(shape: Shape, value: number | bigint | boolean, dtype: DType = literalType(value)): Tensor {
  checkShape("full", shape);
  return expand(scalar(value, dtype), shape);
}

/** A tensor of zeros. */
export const zeros = (shape: Shape, dtype: DType = "float32"): Tensor => full(shape, 0, dtype);

/** A tensor of ones. */
export const ones = (shape: Shape, dtype: DType = "float32"): Tensor => full(shape, 1, dtype);

/** Whether all elements are known to be zero. */
export function isZero(x: Tensor): boolean {
  const { source } = x;
  // These have the elements of their operand alone.
  if (source.kind === "node") return Object.values(shapes).some((each) => each === source.operator) && isZero(source.inputs[0] as Tensor);
  const data = x.size === 1 ? hostData(x) : undefined;
  return data !== undefined && Number(elementAt(data, 0, x.dtype)) === 0;
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
