import type { Tensor } from "../../graph/tensor.js";
import { tensor } from "../../ops/constants.js";
import type { ConvolutionGeometry } from "../../ops/convolutionGeometry.js";
import { zeros } from "../../ops/create.js";
import { apply } from "../../ops/operator.js";
import { reshape } from "../../ops/shapes.js";
import { concat } from "../../ops/slicing.js";
import { framed } from "./images.js";
import { type Blocked, type BlockedWindow, blocked } from "./operators.js";
import { blockDepthwise, blockWeights, blockWeightsOfFew, type Kernel, turnWeights, turnWeightsOfFew, wholeKernel } from "./weights.js";

/** A convolution's settings on two spatial axes. */
export interface Planar extends Omit<BlockedWindow, "kernel"> {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly [top: number, left: number, bottom: number, right: number];
  readonly group: number;
}

/** The settings of a convolution of images or lines, as those of one of images. */
export function planar({ strides, pads, dilations, group }: ConvolutionGeometry): Planar {
  if (strides.length === 2) return { strides, pads, dilations, group } as Planar;
  const [[stride], [left, right], [dilation]] = [strides, pads, dilations] as [[number], [number, number], [number]];
  return { strides: [1, stride], pads: [0, left, 0, right], dilations: [1, dilation], group };
}

/** Whether each channel is convolved by itself, into one. */
export const isDepthwise = (weight: Tensor, group: number): boolean => group > 1 && weight.shape[0] === group && weight.shape[1] === 1;

/**
 * A convolution.
 * @param x blocked, or `[batch, channels, height, width]` of fewer channels than a block
 * @returns a blocked image
 */
export function blockedConv(x: Blocked | Tensor, weight: Tensor, bias: Tensor | undefined, geometry: Planar, block: number): Blocked {
  const kernel = wholeKernel(weight);
  const each = isDepthwise(weight, geometry.group);
  const weights = each ? blockDepthwise(kernel, block) : x.rank === 5 ? blockWeights(kernel, block) : blockWeightsOfFew(kernel, block);
  const group = each ? (weights.shape[0] as number) * block : geometry.group;
  return applyConv([x, weights, ...(bias ? [bias] : [])], { ...geometry, kernel: kernel.size, group }, bias !== undefined);
}

/** A blocked convolution of operands that are in their blocks. */
export const applyConv = (operands: readonly Tensor[], window: BlockedWindow & { readonly group: number }, hasBias = false): Blocked => {
  const { kernel, strides, pads, dilations, group } = window;
  return apply(blocked.BlockedConv, operands, { kernel, strides, pads, dilations, group, hasBias, hasSum: false });
};

/**
 * A number for each channel, or one for all, times an image, plus another one: a convolution by kernels of one element.
 * @param factors those of the channels that fill a block too, as `added`
 */
export function scaledByChannel(x: Blocked, factors: Tensor | number, added?: Tensor): Blocked {
  const [, blocks, , , block] = x.shape as [number, number, number, number, number];
  const each = typeof factors === "number" ? tensor(new Float32Array(blocks * block).fill(factors)) : factors;
  const window = { kernel: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: blocks * block };
  return applyConv([x, reshape(each, [blocks, 1, 1, block]), ...(added ? [added] : [])], window, added !== undefined);
}

/**
 * The gradient of a convolution by its images. Places of an image that lie a stride apart meet the same elements of the kernel: each such phase is a
 * convolution of the gradient, and the phases lie between one another.
 * @param y the gradient of the convolution's result, blocked, or `[batch, outputs, height, width]` of fewer channels than a block
 * @param sizes the height and the width of the images
 */
export function imageGradient(
  y: Blocked | Tensor,
  weight: Tensor,
  { strides, pads, dilations, group }: Planar,
  sizes: readonly [number, number],
  block: number,
): Blocked {
  const whole = wholeKernel(weight);
  const each = isDepthwise(weight, group);
  const places = [0, 1].map((axis) => Math.ceil((sizes[axis] as number) / (strides[axis] as number)));
  const phasesAlong = (axis: 0 | 1) =>
    Array.from({ length: strides[axis] }, (_, phase) =>
      phaseOf(phase, whole.size[axis], strides[axis], dilations[axis], pads[axis] as number),
    );
  const batch = y.shape[0] as number;
  const rows = phasesAlong(0).map((row) => {
    const cells = phasesAlong(1).map((column): Blocked => {
      const taps = [row, column] as const;
      const outputs = each ? (y.shape[1] as number) : Math.ceil(((weight.shape[1] as number) * group) / block);
      if (taps.some(({ elements }) => elements.length === 0)) return zeros([batch, outputs, ...places, block] as number[], y.dtype);
      const kernel: Kernel = {
        weight,
        size: [row.elements.length, column.elements.length],
        elements: row.elements.flatMap((i) => column.elements.map((j) => i * whole.size[1] + j)),
      };
      const before = taps.map(({ first }) => -first);
      const after = taps.map(({ last }, axis) => (places[axis] as number) - 1 + last - ((y.shape[axis + 2] as number) - 1));
      // What a convolution cannot take as padding less than none is cut off first.
      const cut = framed(y, {
        2: [Math.min(0, before[0] as number), Math.min(0, after[0] as number)],
        3: [Math.min(0, before[1] as number), Math.min(0, after[1] as number)],
      });
      const weights = each
        ? blockDepthwise(kernel, block)
        : y.rank === 5
          ? turnWeights(kernel, group, block)
          : turnWeightsOfFew(kernel, block);
      return applyConv([cut, weights], {
        kernel: kernel.size,
        strides: [1, 1],
        pads: [...before, ...after].map((count) => Math.max(0, count)),
        dilations: taps.map(({ step }) => step),
        group: each ? (weights.shape[0] as number) * block : group,
      });
    });
    return interleaved(cells, 3);
  });
  const image = interleaved(rows, 2);
  const [height, width] = image.shape.slice(2, 4) as [number, number];
  return framed(image, { 2: [0, sizes[0] - height], 3: [0, sizes[1] - width] });
}

/**
 * The elements of a kernel that the places `place * stride + phase` of an image meet, in the order of the results that they come from: `place + first`,
 * and so on by `step`, up to `place + last`.
 */
function phaseOf(phase: number, size: number, stride: number, dilation: number, padding: number) {
  const met = [...Array(size).keys()]
    .map((element) => ({ element, from: phase + padding - element * dilation }))
    .filter(({ from }) => from % stride === 0)
    .map(({ element, from }) => ({ element, from: from / stride }))
    .sort((a, b) => a.from - b.from);
  const [first = 0, last = 0] = [met[0]?.from, met.at(-1)?.from];
  return { elements: met.map(({ element }) => element), first, last, step: met.length > 1 ? (last - first) / (met.length - 1) : 1 };
}

/** Images between one another along an axis: the first place of each, then the second of each. */
export function interleaved(images: readonly Blocked[], axis: 2 | 3): Blocked {
  const [image] = images as readonly [Blocked];
  if (images.length === 1) return image;
  const { shape } = image;
  const [outer, inner] = [shape.slice(0, axis + 1), shape.slice(axis + 1)].map((sizes) => sizes.reduce((a, b) => a * b, 1));
  const side = concat(
    images.map((each) => reshape(each, [outer as number, inner as number])),
    { axis: 1 },
  );
  return reshape(
    side,
    shape.map((size, i) => (i === axis ? size * images.length : size)),
  );
}
