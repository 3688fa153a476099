import { type DType, isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { type Shape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { mul, where } from "./arithmetic.js";
import { cast } from "./cast.js";
import { equal } from "./compare.js";
import { checkTensors, tensor } from "./constants.js";
import { type PerAxis, perAxis } from "./convolutionGeometry.js";
import { arange } from "./create.js";
import { gather } from "./indexing.js";
import { apply, type Declaration, declare, family } from "./operator.js";
import { averagePool, maxPool, vector } from "./pool.js";
import { argmax, max, mean } from "./reduce.js";
import { expand, reshape } from "./shapes.js";
import { placeAxes } from "./windows.js";

/** Settings of pooling over all places, as its nodes have them. */
interface GlobalAttributes {
  /** The axes of places. */
  readonly axes: readonly number[];
}

const ofPlaces = (shape: Shape): Shape => shape.map((size, axis) => (axis < 2 ? size : 1));

const infer: Declaration<GlobalAttributes>["infer"] = ([x]) => ({ dtype: x.dtype, shape: ofPlaces(x.shape) });

/** Operators that make one number of each image. */
export const globalPool = family({
  GlobalAveragePool: declare<GlobalAttributes>({
    infer,
    kind: { is: "reduction", reduction: ({ axes }) => ({ axes, initial: 0, combine: (m, sum, x) => m.add(sum, x), averages: true }) },
    linearity: "together",
    gradient: [(g, [x], [y]) => expand(mul(g, y.size / x.size), x.shape)],
    decompose: ([x], { axes }) => mean(x, { axis: axes, keepDims: true }),
    emit: (emitter, [x]) => emitter.node("GlobalAveragePool", [x as string]),
    read: (node): Tensor => globalAveragePool(node.input(0)),
  }),
  GlobalMaxPool: declare<GlobalAttributes>({
    infer,
    kind: {
      is: "reduction",
      reduction: ({ axes }) => ({ axes, initial: Number.NEGATIVE_INFINITY, combine: (m, most, x) => m.max(most, x) }),
    },
    gradient: [(g, [x]) => where(isFirstMaximum(x), g, 0)],
    decompose: ([x], { axes }) => max(x, { axis: axes, keepDims: true }),
    emit: (emitter, [x]) => emitter.node("GlobalMaxPool", [x as string]),
    read: (node): Tensor => globalMaxPool(node.input(0)),
  }),
});

/** Whether an element is the first of its image, in row-major order, that holds the maximum. */
function isFirstMaximum(x: Tensor): Tensor {
  const [batch, channels, ...places] = x.shape as readonly [number, number, ...number[]];
  const count = places.reduce((product, size) => product * size, 1);
  const first = argmax(reshape(x, [batch, channels, count]), { axis: 2, keepDims: true });
  return reshape(equal(arange(count), first), x.shape);
}

/** The axes of places; throws where an image has none. */
function axesOfPlaces(operation: string, x: Tensor): readonly number[] {
  checkTensors(operation, x);
  placeAxes(operation, x.shape);
  const axes = [...x.shape.keys()].slice(2);
  check(
    axes.every((axis) => x.shape[axis] !== 0),
    () => `${operation}: images of ${showShape(x.shape)} have no places`,
  );
  return axes;
}

/** The mean of each image, `[batch, channels, ...places]` to `[batch, channels, 1, ...]`. */
export function globalAveragePool(x: Tensor): Tensor {
  const axes = axesOfPlaces("globalAveragePool", x);
  return apply(globalPool.GlobalAveragePool, [isFloat(x.dtype) ? x : cast(x, "float32")], { axes });
}

/**
 * The maximum of each image, `[batch, channels, ...places]` to `[batch, channels, 1, ...]`; NaN is above all. The gradient goes to the first place
 * in row-major order that holds the maximum.
 */
export function globalMaxPool(x: Tensor): Tensor {
  const axes = axesOfPlaces("globalMaxPool", x);
  return isFloat(x.dtype) ? apply(globalPool.GlobalMaxPool, [x], { axes }) : max(x, { axis: axes, keepDims: true });
}

/** The parts that an axis of `size` places is divided into: part i has the places from ⌊i size / count⌋ up to ⌈(i + 1) size / count⌉. */
const partsOf = (size: number, count: number): readonly (readonly [start: number, end: number])[] =>
  Array.from({ length: count }, (_, i) => [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)]);

/** The parts as windows of one length at equal distances; undefined where they are not. */
function asWindows(parts: readonly (readonly [number, number])[]): { readonly kernel: number; readonly stride: number } | undefined {
  const [[, kernel], second] = parts as readonly [readonly [number, number], (readonly [number, number])?];
  const stride = second?.[0] ?? kernel;
  return stride > 0 && parts.every(([start, end], i) => start === i * stride && end === start + kernel) ? { kernel, stride } : undefined;
}

/**
 * Parts of other lengths as windows side by side of the greatest length: along `axis` each part's places, its last one repeated.
 * `counts` says of each place whether it is no repetition.
 */
function sideBySide(x: Tensor, axis: number, parts: readonly (readonly [number, number])[]) {
  const kernel = Math.max(...parts.map(([start, end]) => end - start));
  const steps = Array.from({ length: kernel }, (_, k) => k);
  const indices = parts.flatMap(([start, end]) => steps.map((k) => Math.min(start + k, end - 1)));
  const counts = parts.flatMap(([start, end]) => steps.map((k) => start + k < end));
  return { kernel, image: gather(x, tensor(Int32Array.from(indices)), { axis }), counts };
}

/** An image and the windows on it whose mean or maximum is that of each part of an image. */
interface Parts {
  readonly image: Tensor;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** What takes the mean of each window, in which repeated places are 0, to that of the part: factors that broadcast to the windows. */
  readonly factors: readonly Tensor[];
}

/**
 * The parts of an image as windows of one size at equal distances, the places of shorter ones repeated.
 * @param repeated what stands in place of a place that is there already
 */
function partsOfImage(x: Tensor, sizes: readonly number[], repeated: "same" | "zero"): Parts {
  return sizes.reduce<Parts>(
    ({ image, kernel, stride, factors }, count, i) => {
      const axis = i + 2;
      const parts = partsOf(x.shape[axis] as number, count);
      const regular = asWindows(parts);
      if (regular) return { image, kernel: [...kernel, regular.kernel], stride: [...stride, regular.stride], factors };
      const { kernel: greatest, image: spread, counts } = sideBySide(image, axis, parts);
      const widths = { kernel: [...kernel, greatest], stride: [...stride, greatest] };
      if (repeated === "same") return { image: spread, ...widths, factors };
      const along = (values: readonly number[], dtype: DType) => vector(values, axis, x.rank, dtype);
      const factor = along(
        parts.map(([start, end]) => greatest / (end - start)),
        x.dtype,
      );
      return { image: where(along(counts.map(Number), "bool"), spread, 0), ...widths, factors: [...factors, factor] };
    },
    { image: x, kernel: [], stride: [], factors: [] },
  );
}

/** The mean of each of `size` parts of an image along every axis of places, or along each, as PyTorch divides it; 1: {@link globalAveragePool}. */
export function adaptiveAveragePool(x: Tensor, size: PerAxis): Tensor {
  const axes = axesOfPlaces("adaptiveAveragePool", x);
  const sizes = perAxis("adaptiveAveragePool", "size", size, axes.length, 1);
  if (sizes.every((count) => count === 1)) return globalAveragePool(x);
  const { image, kernel, stride, factors } = partsOfImage(isFloat(x.dtype) ? x : cast(x, "float32"), sizes, "zero");
  return factors.reduce((means, factor) => mul(means, factor), averagePool(image, kernel, { stride }));
}

/** The maximum of each of `size` parts of an image along every axis of places, or along each, as PyTorch divides it; 1: {@link globalMaxPool}. */
export function adaptiveMaxPool(x: Tensor, size: PerAxis): Tensor {
  const axes = axesOfPlaces("adaptiveMaxPool", x);
  const sizes = perAxis("adaptiveMaxPool", "size", size, axes.length, 1);
  if (sizes.every((count) => count === 1)) return globalMaxPool(x);
  const { image, kernel, stride } = partsOfImage(x, sizes, "same");
  return maxPool(image, kernel, { stride });
}

/** The faces that tensors have as methods too. */
export const adaptivePoolMethods = { adaptiveAveragePool, adaptiveMaxPool, globalAveragePool, globalMaxPool };
