import { arrayOf, convert, type DType, dtypeOf, exactIntegers, isFloat, type TypedArray } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Shape } from "../graph/shape.js";
import { fromData, Tensor } from "../graph/tensor.js";

/** Numbers, booleans or bigints, nested in arrays as deep as the tensor has axes. */
export type NestedArray = number | bigint | boolean | readonly NestedArray[];

/** What an operator takes for a tensor: scalars take the dtype of the other operand. */
export type TensorLike = Tensor | number | bigint | boolean;

/**
 * A tensor of the given elements.
 * @param values nested arrays, or a typed array with `shape`; copied, so later changes of it do not count
 * @param options.dtype by default float32 for numbers, bool for booleans, int64 for bigints, a typed array's own
 * @param options.shape by default as the arrays are nested, or one axis
 * @throws KasaneError where rows differ in length or the elements do not fill the shape
 */
export function tensor(values: NestedArray | TypedArray, options: { dtype?: DType; shape?: Shape } = {}): Tensor {
  checkOptions("tensor", options, { dtype: "optional", shape: "optional" });
  if (ArrayBuffer.isView(values)) {
    const dtype = options.dtype ?? dtypeOf(values);
    // Any byte but 0 is true, and kept as 1.
    const isOwn = dtype !== "bool" && values instanceof arrayOf(dtype);
    const data = isOwn ? new (arrayOf(dtype))(values) : elementsOf("tensor", values, dtype);
    return fromData(data, options.shape ?? [values.length], dtype);
  }
  const shape: number[] = [];
  for (let level: NestedArray = values; Array.isArray(level); level = level[0] as NestedArray) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: (number | bigint | boolean)[] = [];
  flatten(values, shape, 0, flat);
  const isMixed = options.dtype === undefined && flat.some((value) => (typeof value === "boolean") !== (typeof flat[0] === "boolean"));
  check(!isMixed, () => "tensor: numbers and booleans beside each other: expected one kind, or a dtype that says what they become");
  const dtype = options.dtype ?? literalType(flat[0]);
  return fromData(elementsOf("tensor", flat, dtype), options.shape ?? shape, dtype);
}

function flatten(value: NestedArray, shape: Shape, depth: number, into: (number | bigint | boolean)[]): void {
  if (Array.isArray(value)) {
    check(
      value.length === shape[depth],
      () => `tensor: rows differ in length: ${value.length} and ${shape[depth] ?? "a scalar"} at depth ${depth}`,
    );
    for (const item of value) flatten(item, shape, depth + 1, into);
  } else {
    check(isPlain(value), () => `tensor: an element is ${value === null ? "null" : typeof value}: expected numbers, bigints or booleans`);
    check(depth === shape.length, () => `tensor: a scalar stands beside arrays at depth ${depth}: all rows must be nested alike`);
    into.push(value as number);
  }
}

/** Whether a value is a scalar of JavaScript's. */
export const isPlain = (value: unknown): value is number | bigint | boolean =>
  typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";

/** The host array of plain numbers: fractions are cut off towards zero in integers up to int32, and what a type does not hold is an error. */
export function elementsOf(operation: string, values: ArrayLike<number | bigint | boolean>, dtype: DType): TypedArray {
  if (!isFloat(dtype) && dtype !== "bool") {
    const wrong = Array.prototype.find.call(values, (value: number | bigint | boolean) => !isWithin(dtype, value));
    check(wrong === undefined, () => `${operation}: the number ${wrong} as ${dtype}: expected one that it holds`);
  }
  return convert(values, dtype);
}

/** Whether a number lies between the ends of an integer type. */
function isWithin(dtype: DType, value: number | bigint | boolean): boolean {
  if (typeof value === "bigint" && dtype === "int64") return BigInt.asIntN(64, value) === value;
  if (dtype === "int64") return Number(value) >= -(2 ** 63) && Number(value) < 2 ** 63;
  const [least, greatest] = exactIntegers(dtype);
  return Number(value) > least - 1 && Number(value) < greatest + 1;
}

/** The dtype of a tensor made of plain values. */
export const literalType = (value: unknown): DType =>
  typeof value === "boolean" ? "bool" : typeof value === "bigint" ? "int64" : "float32";

/** A scalar of `dtype`. */
export const scalar = (value: number | bigint | boolean, dtype: DType): Tensor => fromData(convert([value], dtype), [], dtype);

/** Whether a plain number is a fraction, or an integer that `dtype` holds if it is one of integers; booleans count as int32. */
export function holds(dtype: DType, value: number | bigint | boolean): boolean {
  if (isFloat(dtype) || (typeof value === "number" && !Number.isInteger(value))) return true;
  if (dtype === "int64") return BigInt.asIntN(64, BigInt(value)) === BigInt(value);
  const [least, greatest] = exactIntegers(dtype === "bool" ? "int32" : dtype);
  return Number(value) >= least && Number(value) <= greatest;
}

/**
 * The operands of an operator as tensors: a plain scalar takes the dtype of the tensors beside it,
 * or float32 where a fraction or a boolean meets a type that cannot hold it.
 */
export function operands(operation: string, ...values: TensorLike[]): Tensor[] {
  const dtype = values.find((value) => value instanceof Tensor)?.dtype;
  return values.map((value) => {
    if (value instanceof Tensor) return value;
    check(
      isPlain(value),
      () => `${operation}: got ${Array.isArray(value) ? "an array" : typeof value}, expected a tensor or a number: wrap it in tensor(...)`,
    );
    check(
      dtype === undefined || holds(dtype, value),
      () => `${operation}: the number ${value} beside ${dtype}: expected one that it holds, or cast the tensor to a wider type`,
    );
    const whole = typeof value !== "number" || Number.isInteger(value);
    if (dtype === undefined || (!whole && !isFloat(dtype))) return scalar(value, literalType(value));
    return scalar(value, dtype === "bool" && typeof value !== "boolean" ? "int32" : dtype);
  });
}

/** Throws unless each operand of an operation is a tensor: JavaScript may leave one out. */
export function checkTensors(operation: string, ...values: readonly unknown[]): void {
  for (let i = 0; i < values.length; i++) {
    check(values[i] instanceof Tensor, () => `${operation}: operand ${i + 1} is ${kindOf(values[i])}: expected a tensor`);
  }
}

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? "an array" : value === undefined || value === null ? String(value) : `a value of type ${typeof value}`;
