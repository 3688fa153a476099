import { convert, type DType, exactIntegers, isFloat } from "../graph/dtype.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import type { Shape } from "../graph/shape.js";
import { fromData, type Tensor } from "../graph/tensor.js";
import { add, maximum, mul, where } from "./arithmetic.js";
import { cast } from "./cast.js";
import { equal, notEqual } from "./compare.js";
import { checkTensors, scalar } from "./constants.js";
import type { Padding, PerAxis } from "./convolutionGeometry.js";
import { zeros } from "./create.js";
import { narrow } from "./kinds.js";
import { apply, declare, type Emitter, family, type OnnxNode } from "./operator.js";
import { windowsOfNode } from "./windowNode.js";
import {
  type AxisWindows,
  alongAxes,
  checkTouched,
  placesOfWindows,
  sumOfWindows,
  type Windows,
  windowCount,
  windowShape,
  windowsOn,
} from "./windows.js";

/** Settings of max pooling as its nodes have them. */
export interface MaxPoolAttributes extends Windows {
  /** Whether NaN may be passed over, by a kernel that does so: what is made of the result knows of it otherwise. */
  readonly ignoresNaN?: boolean;
}

/** Settings of average pooling as its nodes have them. */
export interface AveragePoolAttributes extends Windows {
  /** Whether the places added count as zeros. */
  readonly countPadding: boolean;
}

const emitWindows = ({ kernel, strides, pads, dilations }: Windows) => ({
  kernel_shape: kernel,
  strides,
  pads,
  dilations: dilations.some((dilation) => dilation !== 1) ? dilations : undefined,
});

/** Operators that make one number of each window of an image, and their transposes. */
export const pool = family({
  MaxPool: declare<MaxPoolAttributes>({
    infer: ([x], windows) => ({ dtype: x.dtype, shape: windowShape(x.shape, windows) }),
    kind: { is: "opaque" },
    gradient: [(g, [x], [y], windows) => toMaxima(x, y, g, windows)],
    decompose: ([x], windows) => maxima(x, windows).at(-1),
    emit: (emitter: Emitter, [x], windows) => emitter.node("MaxPool", [x as string], emitWindows(windows)),
    read: (node: OnnxNode): Tensor => {
      const { kernel, ...options } = windowsOfNode(node, node.input(0));
      node.check(node.outputs === 1, () => "its indices are used: expected its values alone");
      return maxPool(node.input(0), kernel, { ...options, ceilMode: node.integer("ceil_mode", 0) === 1 });
    },
  }),
  // Of each window of x, whose maximum is y, the third operand goes to the first place in row-major order that holds y. What meets is added.
  MaxPoolGradient: declare<Windows>({
    infer: ([x]) => x,
    kind: { is: "opaque" },
    gradient: [undefined, undefined, (g, [x, y], _, windows) => fromMaxima(x, y, g, windows)],
    decompose: ([x, , dy], windows) => {
      const values = [x, ...maxima(x, windows)];
      // From the first axis to the last: of a window's rows the first that holds the maximum, then its first place that does.
      return backwards(windows).reduceRight((g, along, i) => toFirst(values[i] as Tensor, values[i + 1] as Tensor, g, along), dy);
    },
  }),
  // Of each window of x, whose maximum is y, the element of the third operand at the first place in row-major order that holds y.
  MaxPoolGather: declare<Windows>({
    infer: ([x, y]) => ({ dtype: x.dtype, shape: y.shape }),
    kind: { is: "opaque" },
    gradient: [undefined, undefined, (g, [x, y], _, windows) => toMaxima(x, y, g, windows)],
    decompose: ([x, , of], windows) => {
      const values = [x, ...maxima(x, windows)];
      return backwards(windows).reduce((from, along, i) => fromFirst(values[i] as Tensor, values[i + 1] as Tensor, from, along), of);
    },
  }),
  AveragePool: declare<AveragePoolAttributes>({
    infer: ([x], windows) => ({ dtype: x.dtype, shape: windowShape(x.shape, windows) }),
    kind: { is: "opaque" },
    linearity: "together",
    gradient: [(g, [x], _, windows) => toPlaces(g, { ...windows, sizes: x.shape.slice(2) })],
    decompose: ([x], windows) => {
      const sums = alongAxes(windows).reduce((sum, along) => placesOfWindows(sum, along, 0).reduce((a, b) => add(a, b)), x);
      return mul(sums, shares(x.shape, windows, x));
    },
    emit: (emitter, [x], windows) =>
      emitter.node("AveragePool", [x as string], { ...emitWindows(windows), count_include_pad: Number(windows.countPadding) }),
    read: (node: OnnxNode): Tensor => {
      const { kernel, dilation, ...options } = windowsOfNode(node, node.input(0));
      node.check(
        dilation.every((each) => each === 1),
        () => `windows with the dilation [${dilation}]: expected 1`,
      );
      const flags = { ceilMode: node.integer("ceil_mode", 0) === 1, countPadding: node.integer("count_include_pad", 0) === 1 };
      return averagePool(node.input(0), kernel, { ...options, ...flags });
    },
  }),
  // Each element of the operand, one a window, goes in equal shares to the places of its window. `sizes` are those of the result's places.
  AveragePoolGradient: declare<AveragePoolAttributes & { readonly sizes: readonly number[] }>({
    infer: ([dy], { sizes }) => ({ dtype: dy.dtype, shape: [...dy.shape.slice(0, 2), ...sizes] }),
    kind: { is: "opaque" },
    linearity: "together",
    gradient: [(g, _, __, { sizes, ...windows }) => means(g, windows)],
    decompose: ([dy], { sizes, ...windows }) => {
      const share = mul(dy, shares([...dy.shape.slice(0, 2), ...sizes], windows, dy));
      return alongAxes(windows).reduce(
        (g, along, i) => sumOfWindows(new Array<Tensor>(along.kernel).fill(g), along, sizes[i] as number),
        share,
      );
    },
  }),
});

/** The elements of `dy`, one a window, at the places of x that the maxima `y` are first found at. */
const toMaxima = (x: Tensor, y: Tensor, dy: Tensor, { kernel, strides, pads, dilations }: Windows): Tensor =>
  apply(pool.MaxPoolGradient, [x, y, dy], { kernel, strides, pads, dilations });

/** For each window the element of `of` at the place of x that the maximum, in `y`, is first found at. */
const fromMaxima = (x: Tensor, y: Tensor, of: Tensor, windows: Windows): Tensor => apply(pool.MaxPoolGather, [x, y, of], windows);

const means = (x: Tensor, windows: AveragePoolAttributes): Tensor => apply(pool.AveragePool, [x], windows);

const toPlaces = (dy: Tensor, windows: AveragePoolAttributes & { readonly sizes: readonly number[] }): Tensor =>
  apply(pool.AveragePoolGradient, [dy], windows);

/** The windows along each axis, from the last axis to the first. */
const backwards = (windows: Windows): readonly AxisWindows[] => alongAxes(windows).toReversed();

/** The maxima over the last axis, then over the last two and so on. */
function maxima(x: Tensor, windows: Windows): readonly Tensor[] {
  let values = x;
  return backwards(windows).map((along) => {
    values = placesOfWindows(values, along, lowest(x)).reduce((most, place) => maximum(most, place));
    return values;
  });
}

/** What no element is below. */
const lowest = ({ dtype }: Tensor): number =>
  isFloat(dtype) ? Number.NEGATIVE_INFINITY : dtype === "int64" ? -(2 ** 63) : exactIntegers(dtype)[0];

/** NaN as infinity, which is the maximum too and equals itself. */
const ordered = (x: Tensor): Tensor => (isFloat(x.dtype) ? where(notEqual(x, x), Number.POSITIVE_INFINITY, x) : x);

/** {@link pool.MaxPoolGradient} along one axis. No place added is the maximum: NaN equals nothing. */
function toFirst(x: Tensor, maxima: Tensor, dy: Tensor, along: AxisWindows): Tensor {
  let rest = dy;
  const parts = placesOfWindows(ordered(x), along, Number.NaN).map((place) => {
    const isMaximum = equal(place, ordered(maxima));
    const part = where(isMaximum, rest, 0);
    rest = where(isMaximum, 0, rest);
    return part;
  });
  return sumOfWindows(parts, along, x.shape[along.axis] as number);
}

/** {@link pool.MaxPoolGather} along one axis. */
function fromFirst(x: Tensor, maxima: Tensor, of: Tensor, along: AxisWindows): Tensor {
  const values = placesOfWindows(of, along, 0);
  return placesOfWindows(ordered(x), along, Number.NaN).reduceRight(
    (found, place, k) => where(equal(place, ordered(maxima)), values[k] as Tensor, found),
    zeros(maxima.shape, of.dtype),
  );
}

/** How many places of each window along one axis lie from `first` to `last`. */
function countsOf(along: AxisWindows, size: number, first: number, last: number): readonly number[] {
  const isCounted = (place: number) => place >= first && place <= last;
  return Array.from({ length: windowCount(size, along) }, (_, window) => {
    const start = window * along.stride - along.before;
    return Array.from({ length: along.kernel }, (_, k) => start + k * along.dilation).filter(isCounted).length;
  });
}

/** One over the number of places that count in each window of an image of a shape; it broadcasts to the windows. */
const shares = (shape: Shape, windows: AveragePoolAttributes, { dtype }: Tensor): Tensor =>
  alongAxes(windows)
    .map((along) => {
      const size = shape[along.axis] as number;
      const counts = windows.countPadding ? [along.kernel] : countsOf(along, size, 0, size - 1);
      return vector(
        counts.map((count) => 1 / count),
        along.axis,
        shape.length,
        dtype,
      );
    })
    .reduce((a, b) => mul(a, b));

/** What takes means over whole windows to those over the places that are padded by the user, where a last window goes beyond. */
const withoutRest = (shape: Shape, windows: Windows, given: Windows, { dtype }: Tensor): Tensor =>
  alongAxes(windows)
    .map((along, i) => {
      const size = shape[along.axis] as number;
      const counts = countsOf(along, size, -along.before, size + (alongAxes(given)[i] as AxisWindows).after - 1);
      return vector(
        counts.map((count) => along.kernel / count),
        along.axis,
        shape.length,
        dtype,
      );
    })
    .reduce((a, b) => mul(a, b));

/** Numbers along one axis, or one number where all are the same. */
export function vector(numbers: readonly number[], axis: number, rank: number, dtype: DType): Tensor {
  const [first = 1] = numbers;
  if (numbers.every((number) => number === first)) return scalar(first, dtype);
  const shape = Array.from({ length: rank }, (_, i) => (i === axis ? numbers.length : 1));
  return fromData(convert(numbers, dtype), shape, dtype);
}

/** Settings of max pooling; see {@link maxPool}. */
export interface MaxPoolOptions {
  /** How far apart windows begin, by default the kernel. */
  readonly stride?: PerAxis;
  /** How many places are added around the image, none of which is the maximum; by default none. */
  readonly padding?: Padding;
  /** How far apart the places of a window are, by default 1. */
  readonly dilation?: PerAxis;
  /** Whether a last window that the image does not fill counts. */
  readonly ceilMode?: boolean;
}

/** Settings of average pooling; see {@link averagePool}. */
export interface AveragePoolOptions {
  /** How far apart windows begin, by default the kernel. */
  readonly stride?: PerAxis;
  /** How many zeros are added around the image, by default none. */
  readonly padding?: Padding;
  /** Whether a last window that the image does not fill counts. */
  readonly ceilMode?: boolean;
  /** Whether the zeros added count in the mean, by default yes. */
  readonly countPadding?: boolean;
}

/** Which options {@link maxPool} has. */
export const maxPoolOptionNames: OptionNames<MaxPoolOptions> = {
  stride: "optional",
  padding: "optional",
  dilation: "optional",
  ceilMode: "optional",
};

/** Which options {@link averagePool} has. */
export const averagePoolOptionNames: OptionNames<AveragePoolOptions> = {
  stride: "optional",
  padding: "optional",
  ceilMode: "optional",
  countPadding: "optional",
};

/**
 * The maximum of each window of an image `[batch, channels, ...places]` with 1 to 3 axes of places; NaN is above all. The gradient goes to the
 * first place in row-major order that holds the maximum.
 * @param kernel the places of a window along each axis, or along all
 * @throws KasaneError where a window does not fit or has nothing but padding
 */
export function maxPool(x: Tensor, kernel: PerAxis, options: MaxPoolOptions = {}): Tensor {
  checkTensors("maxPool", x);
  checkOptions("maxPool", options, maxPoolOptionNames);
  const windows = windowsOn("maxPool", x.shape, kernel, options);
  checkTouched("maxPool", x.shape, windows);
  return narrow(x.dtype) ? cast(apply(pool.MaxPool, [cast(x, "int32")], windows), x.dtype) : apply(pool.MaxPool, [x], windows);
}

/**
 * The mean of each window of an image `[batch, channels, ...places]` with 1 to 3 axes of places.
 * @param kernel the places of a window along each axis, or along all
 * @throws KasaneError where a window does not fit or has nothing but padding
 */
export function averagePool(x: Tensor, kernel: PerAxis, options: AveragePoolOptions = {}): Tensor {
  checkTensors("averagePool", x);
  checkOptions("averagePool", options, averagePoolOptionNames);
  const { countPadding = true, ceilMode = false } = options;
  const windows = windowsOn("averagePool", x.shape, kernel, options);
  checkTouched("averagePool", x.shape, windows);
  const image = isFloat(x.dtype) ? x : cast(x, "float32");
  const averages = means(image, { ...windows, countPadding });
  if (!ceilMode || !countPadding) return averages;
  return mul(averages, withoutRest(x.shape, windows, windowsOn("averagePool", x.shape, kernel, { ...options, ceilMode: false }), image));
}

/** The faces that tensors have as methods too. */
export const poolMethods = { maxPool, averagePool };
