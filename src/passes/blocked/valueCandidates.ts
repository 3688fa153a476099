import { elementAt } from "../../graph/dtype.js";
import { type Shape, sameShape, sizeOf } from "../../graph/shape.js";
import { hostData, makeNode, type Node, type Tensor } from "../../graph/tensor.js";
import { globalPool } from "../../ops/adaptivePool.js";
import { numbers } from "../../ops/algebra.js";
import { arithmetic, mul, neg, reciprocal } from "../../ops/arithmetic.js";
import { isNodeOf } from "../../ops/match.js";
import { asOperands, operatorOf } from "../../ops/operator.js";
import { type ReduceAttributes, reduce, sum } from "../../ops/reduce.js";
import { expand, reshape, shapes } from "../../ops/shapes.js";
import { concat, padWith, pieces, slice } from "../../ops/slicing.js";
import { channelProducts } from "./channelProduct.js";
import { scaledByChannel } from "./convolution.js";
import { filled, filledNumbers, sizesOf, toBlocked } from "./images.js";
import type { Candidate } from "./layout.js";
import { meanByImage, productByChannel } from "./weightGradient.js";

// What stands between convolutions: operators that can work on blocked images as they are, or nearly so.

/** Nanoseconds an element takes in an elementwise operator, and what is saved where one is computed with the convolution before it. */
const [elementwise, fused] = [0.3, 0.05];

const isImage = ({ rank, size }: { readonly rank: number; readonly size: number }): boolean => (rank === 3 || rank === 4) && size > 0;

/** What filling up the channels costs an operator that passes over an image. */
const waste = (shape: Shape, block: number): number => {
  const [batch, channels, height, width] = sizesOf(shape);
  return elementwise * batch * (filled(channels, block) - channels) * height * width;
};

/** The blocked form of an operator other than a convolution; undefined where there is none. */
export function valueCandidate(node: Node, block: number): Candidate | undefined {
  return (
    elementwiseCandidate(node, block) ??
    reductionCandidate(node, block) ??
    productCandidate(node) ??
    expansionCandidate(node, block) ??
    movementCandidate(node, block)
  );
}

/** Elementwise operators: operands of the full shape are blocked, others broadcast to it. */
function elementwiseCandidate(node: Node, block: number): Candidate | undefined {
  const { kind } = operatorOf(node);
  const [result] = node.outputs as readonly [Tensor];
  if (kind.is !== "elementwise" || !isImage(result)) return undefined;
  const { shape } = result;
  const [, channels] = sizesOf(shape);
  const isFull = (x: Tensor) => sameShape(x.shape, shape);
  const takes = [...node.inputs.keys()].filter((i) => isFull(node.inputs[i] as Tensor));
  const others = node.inputs.filter((x) => !isFull(x));
  if (takes.length === 0 || !others.every((x) => canSpread(x, shape))) return undefined;
  // The channels that fill a block stay zeros: infinities there would meet weights of 0.
  if (channels % block !== 0) {
    const zeros = node.inputs.map((x) => (isFull(x) || isPerChannel(x, shape) ? 0 : constantOf(x)));
    if (kind.expression(numbers, asOperands(zeros as unknown as Tensor[]) as never, node.attributes) !== 0) return undefined;
  }
  return {
    takes,
    gives: true,
    saving: fused * result.size - waste(shape, block),
    build: (inputs) => {
      const byChannel = inputs.length === 2 ? channelwise(node, inputs as [Tensor, Tensor], shape, block) : undefined;
      if (byChannel) return [byChannel];
      const operands = inputs.map((x, i) => (takes.includes(i) ? x : spreadTo(x, shape, block)));
      const blockedShape = (operands[takes[0] as number] as Tensor).shape;
      return makeNode(node.operator, operands, node.attributes, [{ dtype: result.dtype, shape: blockedShape }], node.path);
    },
  };
}

/** The value of an operand that is one constant number; NaN where it is not known. */
function constantOf(x: Tensor): number {
  const data = x.size === 1 ? hostData(x) : undefined;
  return data ? Number(elementAt(data, 0, x.dtype)) : Number.NaN;
}

/** The sizes of an operand along the axes of the shape that it broadcasts to. */
const aligned = (x: Tensor, rank: number): number[] => [...new Array<number>(rank - x.rank).fill(1), ...x.shape];

/** Whether an operand has a number for each channel and nothing else. */
function isPerChannel(x: Tensor, shape: Shape): boolean {
  const sizes = aligned(x, shape.length);
  return sizes[1] === shape[1] && sizeOf(sizes) === sizes[1] && x.dtype === "float32";
}

/** Whether an operand that broadcasts can do so to a blocked image. */
function canSpread(x: Tensor, shape: Shape): boolean {
  const [, channels] = aligned(x, shape.length);
  return channels === 1 || x.dtype === "float32";
}

/** An operand as it broadcasts to a blocked image. */
function spreadTo(x: Tensor, shape: Shape, block: number): Tensor {
  if (x.size === 1) return reshape(x, []);
  const sizes = aligned(x, shape.length);
  const [batch, channels, height, width] = sizesOf(sizes);
  if (channels === 1) return reshape(x, [batch, 1, height, width, 1]);
  if (isPerChannel(x, shape)) return reshape(filledNumbers(x, channels, block), [1, filled(channels, block) / block, 1, 1, block]);
  return toBlocked(reshape(x, sizes), block);
}

/** An image and a number for each channel, added, subtracted, multiplied or divided. */
function channelwise(node: Node, [a, b]: readonly [Tensor, Tensor], shape: Shape, block: number): Tensor | undefined {
  const [image, other, isFirst] = a.rank === 5 ? [a, b, true] : [b, a, false];
  if (image.dtype !== "float32" || other.rank === 5 || !isPerChannel(other, shape)) return undefined;
  const given = filledNumbers(other, other.size, block);
  if (isNodeOf(node, arithmetic.Add)) return scaledByChannel(image, 1, given);
  if (isNodeOf(node, arithmetic.Mul)) return scaledByChannel(image, given);
  if (isNodeOf(node, arithmetic.Sub)) return isFirst ? scaledByChannel(image, 1, neg(given)) : scaledByChannel(image, -1, given);
  return isNodeOf(node, arithmetic.Div) && isFirst && other.size % block === 0 ? scaledByChannel(image, reciprocal(given)) : undefined;
}

/** Sums and means over all places, and over other axes or none. */
function reductionCandidate(node: Node, block: number): Candidate | undefined {
  const [x] = node.inputs as readonly [Tensor];
  if (!isNodeOf(node, reduce.ReduceSum, reduce.ReduceMean, globalPool.GlobalAveragePool) || x.dtype !== "float32" || !isImage(x))
    return undefined;
  const { axes } = node.attributes as unknown as ReduceAttributes;
  if (![...x.shape.keys()].slice(2).every((axis) => axes.includes(axis))) return undefined;
  const [batch, channels, height, width] = sizesOf(x.shape);
  const [result] = node.outputs as readonly [Tensor];
  // The means of each image, times as many as are summed up in one.
  const factor = isNodeOf(node, reduce.ReduceSum) ? height * width : result.size / (batch * channels);
  return {
    takes: [0],
    gives: false,
    saving: 0.2 * x.size - waste(x.shape, block),
    build: ([image]) => {
      const means = slice(meanByImage(image as Tensor), [[], [0, channels]]);
      const rest = axes.filter((axis) => axis < 2);
      const total = rest.length > 0 ? sum(means, { axis: rest }) : means;
      return [reshape(factor === 1 ? total : mul(total, factor), result.shape)];
    },
  };
}

/** The sum of the products of two images for each channel. */
function productCandidate(node: Node): Candidate | undefined {
  if (!isNodeOf(node, channelProducts.ChannelProduct)) return undefined;
  const [x] = node.inputs;
  if (x.dtype !== "float32" || !isImage(x)) return undefined;
  return {
    takes: [0, 1],
    gives: false,
    saving: 0.4 * x.size,
    build: ([a, b]) => [slice(productByChannel(a as Tensor, b as Tensor), [[0, x.shape[1] as number]])],
  };
}

/** A value spread over places: the gradient of a mean over them. */
function expansionCandidate(node: Node, block: number): Candidate | undefined {
  if (!isNodeOf(node, shapes.Expand)) return undefined;
  const [x] = node.inputs;
  const { shape } = node.attributes;
  const [batch, channels, height, width] = shape.length === 3 || shape.length === 4 ? sizesOf(shape) : [0, 0, 0, 0];
  if (x.dtype !== "float32" || batch * channels * height * width === 0) return undefined;
  // One number for all channels would fill those up that fill a block.
  if (aligned(x, shape.length)[1] !== channels && channels % block !== 0) return undefined;
  return {
    takes: [],
    gives: true,
    saving: fused * sizeOf(shape) - waste(shape, block),
    build: ([value]) => [expand(spreadTo(value as Tensor, shape, block), [batch, filled(channels, block) / block, height, width, block])],
  };
}

/** Operators that move elements about, where whole blocks move. */
function movementCandidate(node: Node, block: number): Candidate | undefined {
  const [x] = node.inputs as readonly [Tensor];
  const [result] = node.outputs as readonly [Tensor];
  if (x === undefined || !isImage(x) || !isImage(result)) return undefined;
  const all = [...node.inputs.keys()];
  const give = (saving: number, build: Candidate["build"], takes = all): Candidate => ({ takes, gives: true, saving, build });
  const rank = x.rank;
  /** The axis of a blocked image that one of an image is; the channels are divided into blocks. */
  const axisOf = (axis: number) => (axis < 2 ? axis : axis + (4 - rank));
  if (isNodeOf(node, shapes.Reshape))
    return sizesOf(x.shape).every((size, i) => size === sizesOf(result.shape)[i])
      ? give(fused * x.size, ([image]) => [image as Tensor])
      : undefined;
  if (isNodeOf(node, pieces.Concat)) {
    const { axis } = node.attributes;
    const isWhole = axis !== 1 || node.inputs.every(({ shape }) => (shape[1] as number) % block === 0);
    return isWhole ? give(-waste(result.shape, block), (images) => [concat(images, { axis: axisOf(axis) })]) : undefined;
  }
  if (isNodeOf(node, pieces.Slice)) {
    const { starts, ends, axes, steps } = node.attributes;
    const isWhole = (i: number) =>
      axes[i] !== 1 || (steps[i] === 1 && [starts[i], ends[i]].every((bound) => (bound as number) % block === 0));
    if (!axes.every((_, i) => isWhole(i)) || steps.some((step) => step < 0)) return undefined;
    const ranges: [number?, number?, number?][] = Array.from({ length: 5 }, () => []);
    axes.forEach((axis, i) => {
      const unit = axis === 1 ? block : 1;
      ranges[axisOf(axis)] = [(starts[i] as number) / unit, (ends[i] as number) / unit, steps[i] as number];
    });
    return give(-waste(result.shape, block), ([image]) => [slice(image as Tensor, ranges)]);
  }
  if (isNodeOf(node, pieces.Split)) {
    const { axis, sizes } = node.attributes;
    if (axis === 1 && !sizes.every((size) => size % block === 0)) return undefined;
    let start = 0;
    const bounds = sizes.map((size) => {
      start += size;
      return [start - size, start].map((bound) => (axis === 1 ? bound / block : bound)) as [number, number];
    });
    return give(-waste(x.shape, block), ([image]) =>
      bounds.map((bound) =>
        slice(
          image as Tensor,
          Array.from({ length: 5 }, (_, i) => (i === axisOf(axis) ? bound : [])),
        ),
      ),
    );
  }
  if (isNodeOf(node, pieces.Pad)) {
    const { pads, value } = node.attributes;
    const [, [before, after]] = pads as readonly [unknown, readonly [number, number]];
    if (value !== 0 || before !== 0 || after !== 0) return undefined;
    const wide: (readonly [number, number])[] = Array.from({ length: 5 }, () => [0, 0]);
    pads.forEach((counts, axis) => {
      wide[axisOf(axis)] = counts;
    });
    return give(-waste(result.shape, block), ([image]) => [padWith(image as Tensor, wide)]);
  }
  return undefined;
}
