import { check } from "../graph/error.js";
import { type Shape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add } from "./arithmetic.js";
import { zeros } from "./create.js";
import { reshape, unsqueeze } from "./shapes.js";
import { concat, pad, slice } from "./slicing.js";

// Windows that slide over the places of images, `[batch, channels, ...places]`.

/** The windows of an operator, each list with a number for every axis of places. */
export interface Windows {
  /** How many places a window has. */
  readonly kernel: readonly number[];
  /** How far apart windows begin. */
  readonly strides: readonly number[];
  /** The places added before the first along each axis, then those added after the last. */
  readonly pads: readonly number[];
  /** How far apart the places of a window are. */
  readonly dilations: readonly number[];
}

/** {@link Windows} along one axis. */
export interface AxisWindows {
  /** The axis of the tensor. */
  readonly axis: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
  readonly dilation: number;
}

/** The windows along each axis of places. */
export const alongAxes = ({ kernel, strides, pads, dilations }: Windows): readonly AxisWindows[] =>
  kernel.map((size, i) => ({
    axis: i + 2,
    kernel: size,
    stride: strides[i] as number,
    before: pads[i] as number,
    after: pads[kernel.length + i] as number,
    dilation: dilations[i] as number,
  }));

/** How many places a window reaches over. */
export const reach = ({ kernel, dilation }: Pick<AxisWindows, "kernel" | "dilation">): number => (kernel - 1) * dilation + 1;

/** How many windows an axis of so many places has. */
export const windowCount = (size: number, along: AxisWindows): number =>
  Math.floor((size + along.before + along.after - reach(along)) / along.stride) + 1;

/** The shape of one element for each window. */
export const windowShape = (shape: Shape, windows: Windows): Shape => [
  ...shape.slice(0, 2),
  ...alongAxes(windows).map((along) => windowCount(shape[along.axis] as number, along)),
];

/** What pads `x` along one axis. */
const padAxis = (x: Tensor, axis: number, before: number, after: number, value = 0): Tensor =>
  pad(
    x,
    x.shape.map((_, i) => (i === axis ? [before, after] : [0, 0])),
    value,
  );

const sliceAxis = (x: Tensor, axis: number, start: number, end: number, step = 1): Tensor =>
  slice(
    x,
    x.shape.map((_, i) => (i === axis ? [start, end, step] : [])),
  );

/** Place k of every window along one axis, for each k; `around` is what the places added hold. */
export function placesOfWindows(x: Tensor, along: AxisWindows, around: number): readonly Tensor[] {
  const { axis, kernel, stride, before, after, dilation } = along;
  const count = windowCount(x.shape[axis] as number, along);
  const padded = padAxis(x, axis, before, after, around);
  return Array.from({ length: kernel }, (_, k) => sliceAxis(padded, axis, k * dilation, k * dilation + (count - 1) * stride + 1, stride));
}

/**
 * The transpose of {@link placesOfWindows}: for each of `size` places along the axis the sum of what windows hold there. `parts[k]` is place k of
 * every window.
 */
export function sumOfWindows(parts: readonly Tensor[], { axis, stride, before, dilation }: AxisWindows, size: number): Tensor {
  const [first] = parts as readonly [Tensor];
  const count = first.shape[axis] as number;
  // Place k of window i is at i stride + k dilation = (i + shift) stride + phase.
  const shift = (k: number) => Math.floor((k * dilation) / stride);
  const length = Math.max(count + shift(parts.length - 1), Math.ceil((before + size) / stride));
  const phases = Array.from({ length: stride }, (_, phase) => {
    const met = parts.flatMap((part, k) =>
      (k * dilation) % stride === phase ? [padAxis(part, axis, shift(k), length - count - shift(k))] : [],
    );
    const none = () =>
      zeros(
        first.shape.map((size, i) => (i === axis ? length : size)),
        first.dtype,
      );
    return met.length === 0 ? none() : met.reduce((sum, part) => add(sum, part));
  });
  const joined = concat(
    phases.map((phase) => unsqueeze(phase, { axis: axis + 1 })),
    { axis: axis + 1 },
  );
  const whole = reshape(
    joined,
    first.shape.map((size, i) => (i === axis ? length * stride : size)),
  );
  return sliceAxis(whole, axis, before, before + size);
}

/** A number for every axis of places, or one for all. */
export type PerAxis = number | readonly number[];

/** Places added before the first and after the last along each axis: as many as windows of stride 1 need to be as many as places ("same"), or none. */
export type Padding = number | "same" | "valid" | readonly (number | readonly [before: number, after: number])[];

export interface WindowOptions {
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  readonly dilation?: PerAxis;
  readonly ceilMode?: boolean;
}

/** A list of numbers for every axis of places of an image `x`. */
export function perAxis(operation: string, name: string, value: PerAxis, axes: number, least = 1): readonly number[] {
  const list = typeof value === "number" ? new Array<number>(axes).fill(value) : value;
  check(
    Array.isArray(list) && list.length === axes && list.every((each) => Number.isInteger(each) && each >= least),
    () => `${operation}: ${name} is ${JSON.stringify(value)}: expected an integer from ${least}, or ${axes} of them, one an axis of places`,
  );
  return list;
}

/** The number of axes of places of an image; throws unless it has from 1 to 3. */
export function placeAxes(operation: string, x: Tensor): number {
  check(
    x.rank >= 3 && x.rank <= 5,
    () => `${operation}: got ${showShape(x.shape)}: expected [batch, channels, ...places] with 1 to 3 axes of places`,
  );
  return x.rank - 2;
}

/** The windows that options describe, each of which has a place of the image; by default they lie side by side. */
export function windowsOn(operation: string, x: Tensor, kernel: PerAxis, options: WindowOptions): Windows {
  const axes = placeAxes(operation, x);
  const sizes = perAxis(operation, "kernel", kernel, axes);
  const strides = perAxis(operation, "stride", options.stride ?? sizes, axes);
  const dilations = perAxis(operation, "dilation", options.dilation ?? 1, axes);
  const ends = sizes.map((size, i) => {
    const along = { axis: i + 2, kernel: size, stride: strides[i] as number, dilation: dilations[i] as number };
    return endsOf(operation, x, along, options);
  });
  return { kernel: sizes, strides, dilations, pads: [...ends.map(([before]) => before), ...ends.map(([, after]) => after)] };
}

/** The places added before the first and after the last along one axis. */
function endsOf(
  operation: string,
  x: Tensor,
  along: Pick<AxisWindows, "axis" | "kernel" | "stride" | "dilation">,
  { padding = 0, ceilMode = false }: WindowOptions,
): readonly [number, number] {
  const { axis, stride } = along;
  const size = x.shape[axis] as number;
  const extent = reach(along);
  const [before, after] = givenEnds(operation, padding, axis - 2, x.rank - 2) ?? sameEnds(size, extent, stride);
  check(
    size > 0 && extent <= size + before + after,
    () =>
      `${operation}: a window of ${extent} places does not fit axis ${axis} of ${showShape(x.shape)} with ${before + after} added: ` +
      "expected a smaller kernel or more padding",
  );
  const rest = size + before + after - extent;
  // As PyTorch: a last window that is cut off counts where it begins before the places added at the end.
  const counted = Math.ceil(rest / stride);
  const steps = !ceilMode ? Math.floor(rest / stride) : counted * stride >= size + before ? counted - 1 : counted;
  const end = ceilMode ? Math.max(0, steps * stride + extent - size - before) : after;
  for (let step = 0; step <= steps; step++) {
    const start = step * stride - before;
    const first = start < 0 ? start + Math.ceil(-start / along.dilation) * along.dilation : start;
    check(
      first < size && first < start + extent,
      () =>
        `${operation}: a window along axis ${axis} of ${showShape(x.shape)} has nothing but padding: expected less than ${before + after} places`,
    );
  }
  return [before, end];
}

/** The ends that the padding names; undefined for "same". */
function givenEnds(operation: string, padding: Padding, index: number, axes: number): readonly [number, number] | undefined {
  if (padding === "same") return undefined;
  if (padding === "valid") return [0, 0];
  const each = typeof padding === "number" ? padding : padding[index];
  const ends = typeof each === "number" ? [each, each] : each;
  check(
    (typeof padding === "number" || (Array.isArray(padding) && padding.length === axes)) &&
      Array.isArray(ends) &&
      ends.length === 2 &&
      ends.every((end) => Number.isInteger(end) && end >= 0),
    () =>
      `${operation}: padding is ${JSON.stringify(padding)}: expected an integer from 0, "same", "valid", ` +
      `or ${axes} numbers or pairs [before, after], one an axis of places`,
  );
  return ends as [number, number];
}

/** So many places that there are ceil(size / stride) windows, the odd one after the last place, as in TensorFlow. */
function sameEnds(size: number, extent: number, stride: number): readonly [number, number] {
  const added = Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  return [added >> 1, added - (added >> 1)];
}
