import type { Shape } from "../../graph/shape.js";
import { sizeOf } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { relu } from "../../ops/activation.js";
import { add } from "../../ops/arithmetic.js";
import { convolutions } from "../../ops/conv.js";
import { apply, declare, type Emitter, family, type Operands } from "../../ops/operator.js";
import { pool } from "../../ops/pool.js";
import { mean } from "../../ops/reduce.js";
import { reshape, transpose } from "../../ops/shapes.js";
import { padWith, slice } from "../../ops/slicing.js";

/**
 * The blocked layout: an image `[batch, channels, height, width]` is held as `[batch, channels / block, height, width, block]`, so that the channels of
 * a block lie side by side. Where the channels do not fill the last block, zeros do. Tensors here have that shape, of five axes, so that whatever
 * works on shapes is right about them; ONNX Runtime's operators take the same memory as one of four.
 */
export type Blocked = Tensor;

/** The domain of ONNX Runtime's operators on blocked images. Its own optimiser makes such nodes where weights are constants. */
const domain = "com.microsoft.nchwc";

/** Settings of a convolution of blocked images; `[rows, columns]` each, the padding `[top, left, bottom, right]`. */
export interface BlockedWindow {
  readonly kernel: Shape;
  readonly strides: Shape;
  readonly pads: Shape;
  readonly dilations: Shape;
}

export interface BlockedConvAttributes extends BlockedWindow {
  readonly group: number;
  /** Whether the third input is a bias, `[outputs]` with those that fill the last block, and whether the last is an image that is added. */
  readonly hasBias: boolean;
  readonly hasSum: boolean;
  /** What is applied to the sum of all. */
  readonly activation?: "Relu" | undefined;
}

export interface BlockedPoolAttributes extends BlockedWindow {
  readonly type: "MaxPool" | "AveragePool";
  /** Whether the places added count in a mean. */
  readonly countPadding: boolean;
}

/** How many places a window has along an axis of `size` elements. */
const placesOf = (size: number, axis: 0 | 1, { kernel, strides, pads, dilations }: BlockedWindow): number => {
  const reach = (dilations[axis] as number) * ((kernel[axis] as number) - 1) + 1;
  return Math.floor((size + (pads[axis] as number) + (pads[axis + 2] as number) - reach) / (strides[axis] as number)) + 1;
};

/** Operators that ONNX Runtime's CPU has of its own. Made of gradients already computed, they have none. */
export const blocked = family({
  // [batch, channels, height, width] to blocks; the channels are a multiple of 4
  ToBlocked: declare<{ readonly block: number }>({
    infer: ([{ dtype, shape }], { block }) => {
      const [batch, channels, height, width] = shape as Sizes;
      return { dtype, shape: [batch, Math.ceil(channels / block), height, width, block] };
    },
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    decompose: ([x], { block }) => inBlocks(x, block),
    emit: (emitter, [x], _, { outputs: [y] }) =>
      asImage(emitter, emitter.node("ReorderInput", [x as string], {}, 1, domain), (y as Tensor).shape),
  }),
  // Back, without the channels that fill the last block; with `last`, to [batch, height, width, channels].
  FromBlocked: declare<{ readonly channels: number; readonly last: boolean }>({
    infer: ([{ dtype, shape }], { channels, last }) => {
      const [batch, , height, width] = shape as Sizes;
      return { dtype, shape: last ? [batch, height, width, channels] : [batch, channels, height, width] };
    },
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    decompose: ([x], { channels, last }) => {
      const image = slice(outOfBlocks(x), [[], [0, channels]]);
      return last ? transpose(image, [0, 2, 3, 1]) : image;
    },
    emit: (emitter, [x], { channels, last }, { inputs: [image] }) =>
      emitter.node("ReorderOutput", [ofImage(emitter, x as string, image as Tensor)], { channels, channels_last: last ? 1 : 0 }, 1, domain),
  }),
  /**
   * x, weights, then a bias and an image to add, where there are such. The weights are `[outputs / block, inputs / block, rows, columns, block of
   * inputs, block of outputs]`; for an x that is not blocked, of fewer channels than a block in each group, `[outputs / block, inputs, rows, columns,
   * block]`; where each channel is a group of its own, `[channels / block, rows, columns, block]`.
   */
  BlockedConv: declare<BlockedConvAttributes>({
    infer: ([x, w], attributes) => {
      const [height, width] = x.shape.slice(2, 4) as [number, number];
      const places = [placesOf(height, 0, attributes), placesOf(width, 1, attributes)];
      return { dtype: x.dtype, shape: [x.shape[0] as number, w.shape[0] as number, ...places, w.shape.at(-1) as number] };
    },
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    multiplications: ([{ shape }, w], attributes) =>
      (shape[0] as number) * placesOf(shape[2] as number, 0, attributes) * placesOf(shape[3] as number, 1, attributes) * w.size,
    decompose: (inputs, { hasBias, hasSum, activation, kernel, ...geometry }) => {
      const [x, w, bias] = inputs;
      const y = apply(convolutions.Conv, [outOfBlocks(x), weightsOutOfBlocks(w), ...(hasBias ? [bias] : [])], geometry);
      const image = inBlocks(y, w.shape.at(-1) as number);
      const total = hasSum ? add(image, inputs.at(-1) as Tensor) : image;
      return activation ? relu(total) : total;
    },
    emit: (emitter, names, { kernel, strides, pads, dilations, group, hasBias, hasSum, activation }, { inputs, outputs: [y] }) => {
      const [x, w] = inputs as Operands;
      const [image, weights] = names as [string, string];
      const outputs = (w.shape[0] as number) * (w.shape.at(-1) as number);
      const operands = [
        x.rank === 5 ? ofImage(emitter, image, x) : image,
        viewed(emitter, weights, [outputs, sizeOf(w.shape) / outputs / sizeOf(kernel), ...kernel]),
        ...(hasBias ? [names[2] as string] : hasSum ? [""] : []),
        ...(hasSum ? [ofImage(emitter, names.at(-1) as string, y as Tensor)] : []),
      ];
      const attributes = { kernel_shape: kernel, strides, pads, dilations, group, auto_pad: "NOTSET", activation };
      return asImage(emitter, emitter.node("Conv", operands, attributes, 1, domain), (y as Tensor).shape);
    },
  }),
  BlockedPool: declare<BlockedPoolAttributes>({
    infer: ([{ dtype, shape }], attributes) => {
      const [batch, blocks, height, width, block] = shape as BlockedSizes;
      return { dtype, shape: [batch, blocks, placesOf(height, 0, attributes), placesOf(width, 1, attributes), block] };
    },
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    decompose: ([x], { type, countPadding, ...windows }) => {
      const image = outOfBlocks(x);
      const pooled =
        type === "MaxPool"
          ? apply(pool.MaxPool, [image], { ...windows, ignoresNaN: true })
          : apply(pool.AveragePool, [image], { ...windows, countPadding });
      return inBlocks(pooled, x.shape.at(-1) as number);
    },
    emit: (emitter, [x], { type, kernel, strides, pads, dilations, countPadding }, { inputs: [image], outputs: [y] }) => {
      const specific = type === "MaxPool" ? { storage_order: 0 } : { count_include_pad: countPadding ? 1 : 0 };
      const attributes = { kernel_shape: kernel, strides, pads, dilations, auto_pad: "NOTSET", ceil_mode: 0, ...specific };
      const made = emitter.node(type, [ofImage(emitter, x as string, image as Tensor)], attributes, 1, domain);
      return asImage(emitter, made, (y as Tensor).shape);
    },
  }),
  // The mean over all places, [batch, channels / block, 1, 1, block].
  BlockedMean: declare({
    infer: ([{ dtype, shape }]) => ({ dtype, shape: shape.map((size, axis) => (axis === 2 || axis === 3 ? 1 : size)) }),
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    decompose: ([x]) => mean(x, { axis: [2, 3], keepDims: true }),
    emit: (emitter, [x], _, { inputs: [image], outputs: [y] }) =>
      asImage(
        emitter,
        emitter.node("GlobalAveragePool", [ofImage(emitter, x as string, image as Tensor)], {}, 1, domain),
        (y as Tensor).shape,
      ),
  }),
});

type Sizes = readonly [batch: number, channels: number, height: number, width: number];
type BlockedSizes = readonly [batch: number, blocks: number, height: number, width: number, block: number];

/** What {@link blocked.ToBlocked} computes, by other operators. */
function inBlocks(x: Tensor, block: number): Tensor {
  const [batch, channels, height, width] = x.shape as Sizes;
  const blocks = Math.ceil(channels / block);
  const whole = padWith(x, [
    [0, 0],
    [0, blocks * block - channels],
    [0, 0],
    [0, 0],
  ]);
  return transpose(reshape(whole, [batch, blocks, block, height, width]), [0, 1, 3, 4, 2]);
}

/** A blocked image in the plain layout, with the channels that fill the last block; an image that is not blocked as it is. */
function outOfBlocks(x: Tensor): Tensor {
  if (x.rank === 4) return x;
  const [batch, blocks, height, width, block] = x.shape as BlockedSizes;
  return reshape(transpose(x, [0, 1, 4, 2, 3]), [batch, blocks * block, height, width]);
}

/** Weights of any of the three kinds as `[outputs, inputs, rows, columns]`. */
function weightsOutOfBlocks(w: Tensor): Tensor {
  const block = w.shape.at(-1) as number;
  const outputs = (w.shape[0] as number) * block;
  const order = { 4: [0, 3, 1, 2], 5: [0, 4, 1, 2, 3], 6: [0, 5, 1, 4, 2, 3] }[w.rank] as number[];
  const kernel = w.rank === 4 ? w.shape.slice(1, 3) : w.shape.slice(2, 4);
  return reshape(transpose(w, order), [outputs, w.size / outputs / sizeOf(kernel), ...kernel]);
}

/** Names of values that are another value in another shape, and that value. */
const views = new WeakMap<Emitter, Map<string, { readonly of: string; readonly shape: string }>>();

/** The name of a value in another shape. One that was made of a value of that shape is that value. */
function viewed(emitter: Emitter, name: string, shape: Shape, from?: Shape): string {
  const known = views.get(emitter) ?? new Map<string, { of: string; shape: string }>();
  views.set(emitter, known);
  const view = known.get(name);
  if (view?.shape === shape.join()) return view.of;
  const [made] = emitter.node("Reshape", [name, emitter.int64(shape)]) as [string];
  if (from) known.set(made, { of: name, shape: from.join() });
  return made;
}

/** A blocked image as ONNX Runtime's operators take it: of four axes. */
const fourAxes = ([batch, blocks, height, width, block]: Shape): Shape =>
  [batch, (blocks as number) * (block as number), height, width] as number[];

const ofImage = (emitter: Emitter, name: string, { shape }: Tensor): string => viewed(emitter, name, fourAxes(shape));

/** A result of theirs as a blocked image. */
const asImage = (emitter: Emitter, [made]: readonly string[], shape: Shape): string[] => [
  viewed(emitter, made as string, shape, fourAxes(shape)),
];
