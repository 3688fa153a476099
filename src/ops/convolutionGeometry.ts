import { check } from "../graph/error.js";
import type { Shape } from "../graph/shape.js";

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
 * that there are as many places as the image has, or ⌈size / stride⌉, with the odd one added after it; `"causal"` by as much as the kernel reaches
 * on, but only before, so that no place sees what comes after it.
 */
export type Padding = number | readonly (number | readonly [before: number, after: number])[] | "same" | "valid" | "causal";

/** The padding along an axis, `[before, after]`, that is not `"same"`. */
export function paddingOf(
  operation: string,
  padding: Exclude<Padding, "same">,
  axis: number,
  rank: number,
  extent: number,
): readonly [before: number, after: number] {
  if (padding === "valid") return [0, 0];
  if (padding === "causal") return [extent - 1, 0];
  const each = typeof padding === "number" ? padding : padding?.[axis];
  const ends = typeof each === "number" ? [each, each] : each;
  check(
    (typeof padding === "number" || (Array.isArray(padding) && padding.length === rank)) &&
      Array.isArray(ends) &&
      ends.length === 2 &&
      ends.every((count) => Number.isInteger(count) && count >= 0),
    () =>
      `${operation}: padding ${JSON.stringify(padding)}: expected an integer from 0, one or [before, after] for each of the ${rank} axes, "same", "valid" or "causal"`,
  );
  return ends as [number, number];
}
