import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { BatchNorm2d } from "../nn/batchNorm.js";
import { Conv2d, ConvTranspose2d } from "../nn/conv.js";
import { Dropout2d } from "../nn/dropout.js";
import { Module } from "../nn/module.js";
import { type Layer, Sequential } from "../nn/sequential.js";
import { checkSizes } from "../nn/sizes.js";
import { relu } from "../ops/activation.js";
import { add } from "../ops/arithmetic.js";
import { maxPool } from "../ops/pool.js";
import { upsample } from "../ops/resample.js";
import { concat } from "../ops/slicing.js";
import { convNorm, heFanOut } from "./convNorm.js";
import { cropLike, SegmentationNetwork, type SegmentationOptions } from "./segmentation.js";

/** Settings of an {@link ENet}. */
export interface ENetOptions extends SegmentationOptions {
  /** Channels of the first stage, by default 64 as in the paper; the next ones have twice as many. */
  readonly width?: number;
  /** What the dilations 2, 4, 8 and 16 of the paper are divided by, at least 1 being left: with 16 nothing is dilated. By default 1. */
  readonly narrower?: number;
  /** The probability that a channel is left out, by default 0.1; in the first stage a tenth of it. */
  readonly dropout?: number;
}

/** A convolution between two 1x1 ones, the first to a quarter of the channels, beside the identity (figure 2b). */
class Bottleneck extends Module {
  readonly branch: Sequential;
  readonly around: Sequential | undefined;

  /** @param middle the layers between the two 1x1 convolutions, for so many channels */
  constructor(
    inputs: number,
    outputs: number,
    dropout: number,
    middle: (channels: number) => Layer[],
    private readonly isHalved = false,
  ) {
    super();
    const inner = Math.max(1, Math.floor(outputs / 4));
    this.branch = new Sequential(
      isHalved ? convNorm(inputs, inner, 3, { stride: 2 }) : convNorm(inputs, inner, 1),
      ...middle(inner),
      convNorm(inner, outputs, 1, { activation: null }),
      new Dropout2d(dropout),
    );
    this.around = inputs === outputs ? undefined : convNorm(inputs, outputs, 1, { activation: null });
  }

  /** @param like what the result is as high and wide as, where it is doubled */
  forward(x: Tensor, like?: Tensor): Tensor {
    const made = this.branch.forward(x);
    const resized = this.isHalved ? maxPool(x, 2, { ceilMode: true }) : x;
    const around = this.around?.forward(resized) ?? resized;
    if (!like) return relu(add(made, around));
    return relu(add(cropLike(made, like), cropLike(upsample(around, { scale: 2, mode: "linear" }), like)));
  }
}

const regular = (channels: number): Layer[] => [convNorm(channels, channels, 3)];

const dilated =
  (dilation: number) =>
  (channels: number): Layer[] => [convNorm(channels, channels, 3, { dilation })];

/** A 5x5 convolution as one of 5x1 and one of 1x5. */
const asymmetric = (channels: number): Layer[] => {
  const line = (kernel: readonly [number, number]) =>
    new Conv2d(channels, channels, kernel, { padding: "same", bias: false, weightInitialiser: heFanOut() });
  return [line([5, 1]), line([1, 5]), new BatchNorm2d(channels), (x: Tensor) => relu(x)];
};

const doubled = (channels: number): Layer[] => [
  new ConvTranspose2d(channels, channels, 3, { stride: 2, padding: 1, outputPadding: 1, bias: false }),
  new BatchNorm2d(channels),
  (x: Tensor) => relu(x),
];

/**
 * ENet (Paszke et al. 2016, table 1): the image is soon an eighth as high and wide, dilated and asymmetric bottlenecks see far there, and few layers
 * bring it back. Other than there, activations are ReLUs, what is halved has a 3x3 convolution, and what is doubled is interpolated in place of
 * unpooled by the indices of the maxima.
 */
export class ENet extends SegmentationNetwork {
  readonly initial: Sequential;
  readonly first: Sequential;
  readonly stages: Sequential;
  readonly up1: Bottleneck;
  readonly last1: Sequential;
  readonly up2: Bottleneck;
  readonly last2: Sequential;
  readonly output: ConvTranspose2d;

  constructor(options: ENetOptions) {
    super(options, { width: "optional", narrower: "optional", dropout: "optional" });
    const { width = 64, narrower = 1, dropout = 0.1 } = options;
    checkSizes("ENet", { width, narrower }, 1);
    check(
      width % 4 === 0 && width > this.imageChannels * 4,
      () => `ENet: got width ${width}, expected a multiple of 4 above ${this.imageChannels * 4}`,
    );
    const [few, many] = [width / 4, 2 * width];
    const spread = (dilation: number) => dilated(Math.max(1, Math.floor(dilation / narrower)));
    const far = [regular, spread(2), asymmetric, spread(4), regular, spread(8), asymmetric, spread(16)];
    const same = (channels: number, middles: readonly ((channels: number) => Layer[])[], probability = dropout) =>
      middles.map((middle) => new Bottleneck(channels, channels, probability, middle));
    this.initial = convNorm(this.imageChannels, few - this.imageChannels, 3, { stride: 2 });
    this.first = new Sequential(
      new Bottleneck(few, width, dropout / 10, regular, true),
      ...same(width, [regular, regular, regular, regular], dropout / 10),
    );
    this.stages = new Sequential(new Bottleneck(width, many, dropout, regular, true), ...same(many, [...far, ...far]));
    this.up1 = new Bottleneck(many, width, dropout, doubled);
    this.last1 = new Sequential(...same(width, [regular, regular]));
    this.up2 = new Bottleneck(width, few, dropout, doubled);
    this.last2 = new Sequential(...same(few, [regular]));
    this.output = new ConvTranspose2d(few, this.classes, 3, { stride: 2, padding: 1, outputPadding: 1 });
  }

  forward(images: Tensor): Tensor {
    this.checkImages(images);
    const half = concat([this.initial.forward(images), maxPool(images, 2, { ceilMode: true })], { axis: 1 });
    const quarter = this.first.forward(half);
    const above = this.last1.forward(this.up1.forward(this.stages.forward(quarter), quarter));
    return cropLike(this.output.forward(this.last2.forward(this.up2.forward(above, half))), images);
  }
}
