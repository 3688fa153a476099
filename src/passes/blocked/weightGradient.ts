import type { Tensor } from "../../graph/tensor.js";
import { add } from "../../ops/arithmetic.js";
import { apply } from "../../ops/operator.js";
import { sum } from "../../ops/reduce.js";
import { reshape, transpose } from "../../ops/shapes.js";
import { concat, flip, slice } from "../../ops/slicing.js";
import { applyConv, type Planar } from "./convolution.js";
import { channelsLast, filled, framed, fromBlocked, toBlocked } from "./images.js";
import { type Blocked, blocked } from "./operators.js";

// The gradient of a convolution by its weights, Σ over images and places of x times y, is a convolution too: of images by gradients. In each form below
// the kernels are as large as the gradient's images, and the result as small as a kernel. ONNX Runtime's convolution of blocks is fast at that where
// its results lie side by side in long rows, so the channels of x stand beside its columns there.

/** What is convolved: the forms share it. */
interface Problem {
  /** Blocked, or `[batch, channels, height, width]`. */
  readonly x: Blocked | Tensor;
  readonly channels: number;
  /** The gradient of the convolution's result. */
  readonly y: Blocked;
  readonly outputs: number;
  readonly geometry: Planar;
  /** The rows and columns of the kernel. */
  readonly kernel: readonly [number, number];
  readonly block: number;
}

/** Images of fewer places are blocked over the batch. */
const fewPlaces = 100;
/** Each number of a result stands for at least so many products, if images can share one. */
const fewProducts = 196;
/** A line of more places than twice as many is cut into parts of as many. */
const longLine = 256;

/** The gradient `[outputs, channels, rows, columns]` of a dense convolution by its weights. */
export function weightGradient(problem: Problem): Tensor {
  const { x, channels, y, outputs, geometry, kernel, block } = problem;
  const [batch, , height, width] = y.shape as [number, number, number, number];
  const { strides, dilations } = geometry;
  const isStep1 = [...strides, ...dilations].every((step) => step === 1);
  if (height === 1 && kernel[0] === 1 && width > 2 * longLine) return byLines(problem);
  // The side with more blocks becomes the weights: they are what a kernel of ONNX Runtime works on 64 at a time.
  if (x.rank === 5 && isStep1 && height * width >= fewPlaces && filled(channels, block) > filled(outputs, block)) return turned(problem);
  const rows = windowOf(x.rank === 5 ? channelsLast(x, channels) : transpose(x, [0, 2, 3, 1]), problem);
  const columns = dilations[1] === 1 ? [rows] : Array.from({ length: kernel[1] }, (_, column) => columnsAt(rows, column, problem));
  const parts = partsOf(batch, block).map(([start, end]) => {
    const gradients = slice(y, [[start, end]]);
    const sums = columns.map((image) => {
      const images = slice(image, [[start, end]]);
      const size: readonly [number, number] = [kernel[0], dilations[1] === 1 ? kernel[1] : 1];
      return height * width < fewPlaces && (end - start) % block === 0
        ? byBatchBlocks(images, gradients, size, problem)
        : byImages(images, gradients, size, problem);
    });
    return sums.length === 1 ? (sums[0] as Tensor) : concat(sums, { axis: 2 });
  });
  return fromRows(parts.reduce(add), problem);
}

/** Images `[batch, height, width, channels]`, padded, with the rows and columns that the kernel meets. */
function windowOf(x: Tensor, { y, geometry: { strides, pads, dilations }, kernel }: Problem): Tensor {
  const need = [0, 1].map(
    (axis) =>
      ((y.shape[axis + 2] as number) - 1) * (strides[axis] as number) + (dilations[axis] as number) * ((kernel[axis] as number) - 1) + 1,
  );
  const around = [0, 1].map((axis) => {
    const before = pads[axis] as number;
    return [before, (need[axis] as number) - (x.shape[axis + 1] as number) - before] as const;
  });
  return framed(x, { 1: around[0] as readonly [number, number], 2: around[1] as readonly [number, number] });
}

/** The columns of padded images that one column of a dilated kernel meets. */
function columnsAt(x: Tensor, column: number, { y, geometry: { strides, dilations } }: Problem): Tensor {
  const start = column * dilations[1];
  return slice(x, [[], [], [start, start + ((y.shape[3] as number) - 1) * strides[1] + 1]]);
}

/** Parts of a batch that the forms can take: multiples of a block, or fewer images than one. */
function partsOf(batch: number, block: number): readonly (readonly [number, number])[] {
  const whole = batch - (batch % block);
  return [[0, whole] as const, [whole, batch] as const].filter(([start, end]) => end > start);
}

/**
 * Each image is a channel, convolved with the gradient of that image as it lies in memory, which is what the weights of a group per image are. With
 * few products in an image, several share a group.
 * @returns `[outputs / block, rows, columns, channels, block]`, summed over the batch
 */
function byImages(x: Tensor, y: Blocked, kernel: readonly [number, number], problem: Problem): Tensor {
  const { geometry, block } = problem;
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [, blocks, rows, columns] = y.shape as [number, number, number, number];
  const shared =
    [1, 2, 4, 8].find((count) => count < block && count * rows * columns >= fewProducts && batch % count === 0) ??
    (batch < block ? batch : 1);
  const groups = batch / shared;
  const weights =
    shared === 1
      ? reshape(y, [batch * blocks, 1, rows, columns, block])
      : reshape(transpose(reshape(y, [groups, shared, blocks, rows * columns, block]), [0, 2, 1, 3, 4]), [
          groups * blocks,
          shared,
          rows,
          columns,
          block,
        ]);
  const { strides, dilations } = geometry;
  const sums = applyConv([reshape(x, [1, batch, height, width * channels]), weights], {
    kernel: [rows, columns],
    pads: [0, 0, 0, 0],
    strides: [dilations[0], 1],
    dilations: [strides[0], strides[1] * channels],
    group: groups,
  });
  const each = reshape(sums, [groups, blocks * kernel[0] * kernel[1] * channels * block]);
  return reshape(groups > 1 ? sum(each, { axis: 0 }) : each, [blocks, kernel[0], kernel[1], channels, block]);
}

/** As {@link byImages}, with blocks of images as the channels: one group, and no sum afterwards. */
function byBatchBlocks(x: Tensor, y: Blocked, kernel: readonly [number, number], { geometry, block }: Problem): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [, blocks, rows, columns] = y.shape as [number, number, number, number];
  const images = toBlocked(reshape(x, [1, batch, height, width * channels]), block);
  const byBlock = transpose(reshape(y, [batch / block, block, blocks, rows * columns, block]), [2, 0, 3, 1, 4]);
  const { strides, dilations } = geometry;
  const sums = applyConv([images, reshape(byBlock, [blocks, batch / block, rows, columns, block, block])], {
    kernel: [rows, columns],
    pads: [0, 0, 0, 0],
    strides: [dilations[0], 1],
    dilations: [strides[0], strides[1] * channels],
    group: 1,
  });
  return reshape(sums, [blocks, kernel[0], kernel[1], channels, block]);
}

/** `[outputs / block, rows, columns, channels, block]` as `[outputs, channels, rows, columns]`. */
function fromRows(sums: Tensor, { kernel, outputs, block }: Problem): Tensor {
  const [blocks, , , channels] = sums.shape as [number, number, number, number, number];
  const count = kernel[0] * kernel[1];
  // Whole blocks of channels are moved where there are such, or else blocks of outputs alone.
  const together = channels % block === 0 ? block : 1;
  const rows = reshape(sums, [blocks, count, channels / together, together * block]);
  const moved = count > 1 ? transpose(rows, [0, 2, 1, 3]) : rows;
  const plain = fromBlocked(reshape(moved, [1, blocks, channels * count, 1, block]), [1, outputs, channels * count, 1]);
  if (together === 1) return reshape(plain, [outputs, channels, ...kernel]);
  return fromBlocked(reshape(plain, [outputs, channels / block, ...kernel, block]), [outputs, channels, ...kernel]);
}

/** {@link byImages} with the parts changed over: x as it lies in memory is the weights, y stands in rows. The kernel comes out turned. */
function turned(problem: Problem): Tensor {
  const { x, channels, y, outputs, geometry, kernel, block } = problem;
  const [height, width] = x.shape.slice(2, 4) as [number, number];
  const back: Planar = {
    ...geometry,
    pads: [kernel[0] - 1 - geometry.pads[0], kernel[1] - 1 - geometry.pads[1], 0, 0],
  };
  const swapped: Problem = { ...problem, x: y, y: x, channels: outputs, outputs: channels, geometry: back };
  const rows = framed(channelsLast(y, outputs), {
    1: [back.pads[0], height + kernel[0] - 1 - (y.shape[2] as number) - back.pads[0]],
    2: [back.pads[1], width + kernel[1] - 1 - (y.shape[3] as number) - back.pads[1]],
  });
  const parts = partsOf(y.shape[0] as number, block).map(([start, end]) =>
    byImages(slice(rows, [[start, end]]), slice(x, [[start, end]]), kernel, swapped),
  );
  const [blocks] = (parts[0] as Tensor).shape as [number];
  const count = kernel[0] * kernel[1];
  const sums = reshape(parts.reduce(add), [blocks, count, outputs, block]);
  const turnedBack = count > 1 ? flip(sums, { axis: 1 }) : sums;
  const plain = fromBlocked(reshape(turnedBack, [1, blocks, count, outputs, block]), [1, channels, count, outputs]);
  return reshape(transpose(reshape(plain, [channels, count, outputs]), [2, 0, 1]), [outputs, channels, ...kernel]);
}

/** Of lines: what each element of the kernel meets stands beside the channels, and parts of a line are as many images. */
function byLines(problem: Problem): Tensor {
  const { x, channels, y, outputs, geometry, kernel, block } = problem;
  const [batch, blocks, , length] = y.shape as [number, number, number, number];
  const padded = windowOf(x.rank === 5 ? channelsLast(x, channels) : transpose(x, [0, 2, 3, 1]), problem);
  const met = concat(
    Array.from({ length: kernel[1] }, (_, column) => {
      const start = column * geometry.dilations[1];
      return slice(padded, [[], [], [start, start + (length - 1) * geometry.strides[1] + 1, geometry.strides[1]]]);
    }),
    { axis: 3 },
  );
  const wide = kernel[1] * channels;
  // As many parts as make a number of images that a convolution takes.
  let parts = Math.ceil(length / longLine);
  while ((parts * batch) % block !== 0) parts++;
  const each = Math.ceil(length / parts);
  const images = reshape(framed(met, { 2: [0, each * parts - length] }), [batch * parts, 1, each, wide]);
  const lines = reshape(framed(y, { 3: [0, each * parts - length] }), [batch, blocks, parts, each * block]);
  const gradients = reshape(transpose(lines, [0, 2, 1, 3]), [batch * parts, blocks, 1, each, block]);
  const plain: Planar = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 };
  const sums = byImages(images, gradients, [1, 1], { ...problem, geometry: plain });
  const flat = fromBlocked(reshape(sums, [1, blocks, wide, 1, block]), [1, outputs, wide, 1]);
  return reshape(transpose(reshape(flat, [outputs, kernel[1], channels])), [outputs, channels, 1, kernel[1]]);
}

/** The gradient `[channels, 1, rows, columns]` of a convolution of each channel by itself: x and y as they lie are an image and weights. */
export function depthwiseWeightGradient({ x, channels, y, geometry: { strides, pads, dilations }, kernel, block }: Problem): Tensor {
  const [batch, blocks, height, width] = x.shape as [number, number, number, number];
  const [rows, columns] = y.shape.slice(2, 4) as [number, number];
  const sums = applyConv([reshape(x, [1, batch * blocks, height, width, block]), reshape(y, [batch * blocks, rows, columns, block])], {
    kernel: [rows, columns],
    pads,
    strides: dilations,
    dilations: strides,
    group: batch * blocks * block,
  });
  // Where a stride leaves rows or columns of x over, more results come out than the kernel has elements.
  const kept = slice(sums, [[], [], [0, kernel[0]], [0, kernel[1]]]);
  const count = kernel[0] * kernel[1];
  const total = reshape(sum(reshape(kept, [batch, blocks * count * block]), { axis: 0 }), [blocks, count, block]);
  const plain = reshape(transpose(total), [blocks * block, 1, ...kernel]);
  return slice(plain, [[0, channels]]);
}

/** The sum over images and places of the product of two images, `[channels / block, block]` in a row, with the channels that fill a block. */
export function productByChannel(x: Blocked, y: Blocked): Tensor {
  const [batch, blocks, height, width, block] = x.shape as [number, number, number, number, number];
  const sums = applyConv([reshape(x, [1, batch * blocks, height, width, block]), reshape(y, [batch * blocks, height, width, block])], {
    kernel: [height, width],
    pads: [0, 0, 0, 0],
    strides: [1, 1],
    dilations: [1, 1],
    group: batch * blocks * block,
  });
  return sum(reshape(sums, [batch, blocks * block]), { axis: 0 });
}

/** The mean of an image over its places, `[batch, channels]` with the channels that fill a block. */
export function meanByImage(x: Blocked): Tensor {
  const [batch, blocks, , , block] = x.shape as [number, number, number, number, number];
  return reshape(apply(blocked.BlockedMean, [x]), [batch, blocks * block]);
}
