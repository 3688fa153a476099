import { convert, type DType, elementAt, exactIntegers, isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkShape, type Shape } from "../graph/shape.js";
import { fromData, hostData, type Tensor } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { compare } from "./compare.js";
import { elementsOf, isPlain, literalType, scalar } from "./constants.js";
import { match } from "./match.js";
import { apply, declare, family } from "./operator.js";
import { expand, reshape, shapes } from "./shapes.js";

/** A tensor of `shape` whose every element is `value`. */
export function full(shape: Shape, value: number | bigint | boolean, dtype: DType = literalType(value)): Tensor {
  checkShape("full", shape);
  check(isPlain(value), () => `full: got ${JSON.stringify(value)}, expected a number or a boolean`);
  return expand(fromData(elementsOf("full", [value], dtype), [], dtype), shape);
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
  const node = match(x, ...Object.values(shapes));
  return node ? originOf(node.inputs[0]) : x;
}

/** Zeros of the shape and dtype of `like`. */
export const zerosLike = (like: Tensor): Tensor => zeros(like.shape, like.dtype);

/** Ones of the shape and dtype of `like`. */
export const onesLike = (like: Tensor): Tensor => ones(like.shape, like.dtype);

/**
 * `start, start + step, ...` below `stop`: shape `[ceil((stop - start) / step)]`. One argument counts from 0.
 * @param dtype by default int32, or float32 where `start` or `step` is a fraction
 * @throws KasaneError where the range has no end, or the dtype cannot hold its numbers
 */
export function arange(start: number, stop?: number, step = 1, dtype?: DType): Tensor {
  if (stop === undefined) return arange(0, start, step, dtype);
  check(
    [start, stop, step].every((value) => typeof value === "number"),
    () => `arange: got ${JSON.stringify([start, stop, step])}, expected numbers`,
  );
  const isWhole = Number.isInteger(start) && Number.isInteger(step);
  const type = dtype ?? (isWhole ? "int32" : "float32");
  const count = Math.max(0, Math.ceil((stop - start) / step));
  check(step !== 0 && Number.isFinite(count), () => `arange: ${start} to ${stop} by ${step} has no end`);
  if (!isWhole) {
    check(isFloat(type), () => `arange: ${start} to ${stop} by ${step} are not integers: expected a floating-point dtype, got ${type}`);
    // ONNX Runtime adds up the steps and their rounding errors: fractions are computed here.
    const elements = Array.from({ length: count }, (_, i) => start + i * step);
    return fromData(convert(elements, type), [count], type);
  }
  const last = start + Math.max(0, count - 1) * step;
  const [least, most] = exactIntegers(type);
  check(
    Math.min(start, last) >= least && Math.max(start, last) <= most,
    () => `arange: ${type} does not hold every integer from ${start} to ${last}: expected numbers from ${least} to ${most}`,
  );
  return apply(create.Range, [], { start, stop: start + count * step, step, dtype: type });
}

/** The identity matrix of `rows` rows, `[rows, columns]`. */
export function eye(rows: number, columns = rows, dtype: DType = "float32"): Tensor {
  checkShape("eye", [rows, columns]);
  return cast(apply(compare.Equal, [reshape(arange(rows), [rows, 1]), arange(columns)]), dtype);
}

/** What makes a tensor from no other. */
export const create = family({
  Range: declare<{ start: number; stop: number; step: number; dtype: DType }>({
    infer: (_, { start, stop, step, dtype }) => ({ dtype, shape: [Math.max(0, Math.ceil((stop - start) / step))] }),
    kind: {
      is: "source",
      elements: ({ start, stop, step }) =>
        Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, i) => start + i * step),
    },
    gradient: "nonDifferentiable",
    decompose: (_, { start, stop, step, dtype }): Tensor => cast(arange(start, stop, step), dtype),
    emit: (emitter, _, { start, stop, step, dtype }) =>
      emitter.node("Range", [emitter.scalar(start, dtype), emitter.scalar(stop, dtype), emitter.scalar(step, dtype)]),
    roles: { 0: "setting", 1: "setting", 2: "setting" },
    read: (node) => {
      const [start = 0, stop = 0, step = 1] = [0, 1, 2].map((index) => node.known(index)?.[0]);
      return arange(start, stop, step, node.input(0).dtype);
    },
  }),
});
