import { check } from "../graph/error.js";
import { type Shape, showShape } from "../graph/shape.js";

/** How windows, or a kernel, lie on an image, under ONNX's names. One number a spatial axis. */
export interface WindowGeometry {
  readonly strides: readonly number[];
  /** The places added before each axis, then those after each. */
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

/** The attributes of every convolution. */
export interface ConvolutionGeometry extends WindowGeometry {
  /** Into how many groups the channels are divided, each convolved by itself. */
  readonly group: number;
}

/** How many places a kernel has along each axis of an image of the spatial sizes `sizes`. */
export const placesOf = (sizes: Shape, kernel: Shape, { strides, pads, dilations }: WindowGeometry): Shape =>
  sizes.map((size, i) => {
    const padded = size + (pads[i] as number) + (pads[i + sizes.length] as number);
    return Math.floor((padded - reach(kernel[i] as number, dilations[i] as number)) / (strides[i] as number)) + 1;
  });

/** How many elements a kernel spans along an axis. */
export const reach = (kernel: number, dilation: number): number => dilation * (kernel - 1) + 1;

/** One number a spatial axis: the same along each, or a list of them. */
export type PerAxis = number | readonly number[];

/** A setting for each of `rank` spatial axes, checked. */
export function perAxis(operation: string, name: string, given: PerAxis, rank: number, least: number): readonly number[] {
  const list = typeof given === "number" ? new Array<number>(rank).fill(given) : given;
  check(
    Array.isArray(list) && list.length === rank && list.every((value) => Number.isInteger(value) && value >= least),
    () =>
      `${operation}: ${name} ${JSON.stringify(given)}: expected an integer from ${least}, or a list of one for each of the ${rank} axes`,
  );
  return list;
}

/**
 * How far an image is padded: the same count at every end, a count or `[before, after]` for each spatial axis; `"valid"` not at all; `"same"` so
 * that the result has as many places as the image (the odd one after it; strides of 1 alone); `"causal"` so too, but only before, so that each
 * place sees none behind it.
 */
export type Padding = number | readonly (number | readonly [before: number, after: number])[] | "same" | "valid" | "causal";

/** The padding along each axis, `[before, after]`. */
export function paddingOf(
  operation: string,
  padding: Padding,
  kernel: Shape,
  strides: readonly number[],
  dilations: readonly number[],
): readonly (readonly [before: number, after: number])[] {
  const rank = kernel.length;
  if (padding === "valid") return kernel.map(() => [0, 0]);
  if (padding === "same" || padding === "causal") {
    check(
      strides.every((stride) => stride === 1),
      () => `${operation}: padding "${padding}" with strides [${strides}]: expected strides of 1, or padding in numbers`,
    );
    return kernel.map((size, i) => {
      const total = reach(size, dilations[i] as number) - 1;
      const before = padding === "causal" ? total : total >> 1;
      return [before, total - before];
    });
  }
  const list = typeof padding === "number" ? new Array<number>(rank).fill(padding) : padding;
  check(
    Array.isArray(list) && list.length === rank,
    () =>
      `${operation}: padding ${JSON.stringify(padding)}: expected an integer from 0, one or [before, after] for each of the ${rank} axes, "same", "valid" or "causal"`,
  );
  return list.map((each): readonly [number, number] => {
    const [before, after] = typeof each === "number" ? [each, each] : each;
    check(
      [before, after].every((count) => Number.isInteger(count) && count >= 0),
      () => `${operation}: padding ${JSON.stringify(padding)}: expected integers from 0`,
    );
    return [before, after];
  });
}

/** Throws unless a kernel fits into an image. */
export function checkFits(operation: string, sizes: Shape, kernel: Shape, geometry: ConvolutionGeometry): void {
  check(
    placesOf(sizes, kernel, geometry).every((count) => count > 0),
    () =>
      `${operation}: a kernel ${showShape(kernel)}, ${showShape(kernel.map((size, i) => reach(size, geometry.dilations[i] as number)))} with its dilation, ` +
      `is larger than the image ${showShape(sizes)} with its padding`,
  );
}
