import { check } from "../graph/error.js";
import { type Shape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add } from "./arithmetic.js";
import { type Padding, type PerAxis, paddingOf, perAxis, placesOf, reach, type WindowGeometry } from "./convolutionGeometry.js";
import { zeros } from "./create.js";
import { reshape, unsqueeze } from "./shapes.js";
import { concat, padWith, slice } from "./slicing.js";

// Windows that slide over the places of images, `[batch, channels, ...places]`.

/** The windows of an operator. */
export interface Windows extends WindowGeometry {
  /** How many places a window has along each axis. */
  readonly kernel: readonly number[];
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

/** How many windows an axis of so many places has. */
export const windowCount = (size: number, { kernel, stride, before, after, dilation }: AxisWindows): number =>
  Math.floor((size + before + after - reach(kernel, dilation)) / stride) + 1;

/** The shape of one element for each window. */
export const windowShape = (shape: Shape, windows: Windows): Shape => [
  ...shape.slice(0, 2),
  ...placesOf(shape.slice(2), windows.kernel, windows),
];

/** What pads `x` along one axis. */
const padAxis = (x: Tensor, axis: number, before: number, after: number, value = 0): Tensor =>
  padWith(
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

/** How windows lie on an image: options of pooling and of patches. */
export interface WindowOptions {
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  readonly dilation?: PerAxis;
  readonly ceilMode?: boolean;
}

/** The number of axes of places of an image; throws unless it has from 1 to 3. */
export function placeAxes(operation: string, shape: Shape): number {
  check(
    shape.length >= 3 && shape.length <= 5,
    () => `${operation}: got ${showShape(shape)}: expected [batch, channels, ...places] with 1 to 3 axes of places`,
  );
  return shape.length - 2;
}

/** The windows that options describe on images of a shape; by default they lie side by side. */
export function windowsOn(operation: string, shape: Shape, kernel: PerAxis, options: WindowOptions): Windows {
  const axes = placeAxes(operation, shape);
  const { padding = 0, ceilMode = false } = options;
  const sizes = perAxis(operation, "kernel", kernel, axes, 1);
  const strides = perAxis(operation, "stride", options.stride ?? sizes, axes, 1);
  const dilations = perAxis(operation, "dilation", options.dilation ?? 1, axes, 1);
  const ends = sizes.map((places, i) => {
    const [size, stride, extent] = [shape[i + 2] as number, strides[i] as number, reach(places, dilations[i] as number)];
    const [before, after] = padding === "same" ? sameEnds(size, extent, stride) : paddingOf(operation, padding, i, axes, extent);
    check(
      extent <= size + before + after,
      () =>
        `${operation}: a window of ${extent} places on axis ${i + 2} of ${showShape(shape)} with ${before + after} added: ` +
        "expected a smaller kernel or more padding",
    );
    return [before, ceilMode ? ceilEnd(size, extent, stride, before, after) : after] as const;
  });
  return { kernel: sizes, strides, dilations, pads: [...ends.map(([before]) => before), ...ends.map(([, after]) => after)] };
}

/** So many places added that there are ⌈size / stride⌉ windows, the odd one after the last, as in TensorFlow. */
function sameEnds(size: number, extent: number, stride: number): readonly [number, number] {
  const added = Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  return [added >> 1, added - (added >> 1)];
}

/** What is added after an axis so that a last window is whole, which counts where it begins before the places that were added there: as PyTorch. */
function ceilEnd(size: number, extent: number, stride: number, before: number, after: number): number {
  const steps = Math.ceil((size + before + after - extent) / stride);
  const counted = steps * stride >= size + before ? steps - 1 : steps;
  return Math.max(0, counted * stride + extent - size - before);
}

/** Throws where a window has nothing but places added: it has no maximum and no mean. */
export function checkTouched(operation: string, shape: Shape, windows: Windows): void {
  for (const along of alongAxes(windows)) {
    const { axis, kernel, stride, before, dilation } = along;
    const size = shape[axis] as number;
    for (let window = 0; window < windowCount(size, along); window++) {
      const start = window * stride - before;
      const skipped = start < 0 ? Math.ceil(-start / dilation) : 0;
      check(
        skipped < kernel && start + skipped * dilation < size,
        () => `${operation}: window ${window} along axis ${axis} of ${showShape(shape)} has nothing but padding: expected less of it`,
      );
    }
  }
}
