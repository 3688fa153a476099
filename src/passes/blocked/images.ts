import type { Shape } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { tensor } from "../../ops/constants.js";
import { gather } from "../../ops/indexing.js";
import { apply } from "../../ops/operator.js";
import { reshape } from "../../ops/shapes.js";
import { padWith, slice } from "../../ops/slicing.js";
import { type Blocked, blocked } from "./operators.js";

/** `[batch, channels, height, width]`. A line `[batch, channels, length]` is an image of height 1. */
export type Sizes = readonly [batch: number, channels: number, height: number, width: number];

/** The sizes of an image of one or two spatial axes. */
export function sizesOf(shape: Shape): Sizes {
  const [batch, channels, ...places] = shape as readonly [number, number, ...number[]];
  const [height, width] = places.length === 1 ? [1, places[0] as number] : (places as [number, number]);
  return [batch, channels, height, width];
}

/** `count`, filled up to a multiple of `block`. */
export const filled = (count: number, block: number): number => Math.ceil(count / block) * block;

/** The reordering into blocks takes multiples of so many channels. */
const channelStep = 4;

/** An image `[batch, channels, ...places]` in blocks of channels. */
export function toBlocked(x: Tensor, block: number): Blocked {
  const [batch, channels, height, width] = sizesOf(x.shape);
  if (height * width === 1 && channels % block === 0) return reshape(x, [batch, channels / block, 1, 1, block]);
  return apply(blocked.ToBlocked, [filledTo(reshape(x, [batch, channels, height, width]), 1, channelStep)], { block });
}

/** A blocked image in the layout and shape that it was made from. */
export function fromBlocked(x: Blocked, shape: Shape): Tensor {
  const [batch, channels, height, width] = sizesOf(shape);
  if (height * width === 1 && x.shape.at(-1) === channels) return reshape(x, shape);
  const image = apply(blocked.FromBlocked, [x], { channels, last: false });
  return reshape(image, shape.length === 4 ? [batch, channels, height, width] : shape);
}

/** A blocked image as `[batch, height, width, channels]`. */
export const channelsLast = (x: Blocked, channels: number): Tensor => apply(blocked.FromBlocked, [x], { channels, last: true });

/** `x` with zeros at the end of an axis, up to a multiple of `step`. */
export function filledTo(x: Tensor, axis: number, step: number): Tensor {
  const size = x.shape[axis] as number;
  return framed(x, { [axis]: [0, filled(size, step) - size] });
}

/** `x` with `[before, after]` zeros around some axes; less than none cuts elements off. */
export function framed(x: Tensor, around: Readonly<Record<number, readonly [before: number, after: number]>>): Tensor {
  const counts = x.shape.map((_, axis) => around[axis] ?? ([0, 0] as const));
  const kept = slice(
    x,
    counts.map(([before, after], axis) => [Math.max(0, -before), (x.shape[axis] as number) + Math.min(0, after)] as const),
  );
  return padWith(
    kept,
    counts.map(([before, after]) => [Math.max(0, before), Math.max(0, after)] as const),
  );
}

/** The slices of `x` along an axis that `indices` name, in their order. */
export function picked(x: Tensor, axis: number, indices: readonly number[]): Tensor {
  const isAll = indices.length === x.shape[axis] && indices.every((index, i) => index === i);
  return isAll ? x : gather(x, tensor(Int32Array.from(indices)), { axis });
}

/** Numbers of channels, `[channels]`, with zeros for those that fill the last block. */
export const filledNumbers = (values: Tensor, channels: number, block: number): Tensor => filledTo(reshape(values, [channels]), 0, block);
