import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { Conv2d, ConvTranspose2d } from "../nn/conv.js";
import { Dropout2d } from "../nn/dropout.js";
import { Sequential } from "../nn/sequential.js";
import { checkSizes } from "../nn/sizes.js";
import { maxPool } from "../ops/pool.js";
import { concat } from "../ops/slicing.js";
import { convNorm } from "./convNorm.js";
import { cropLike, SegmentationNetwork, type SegmentationOptions } from "./segmentation.js";

/** Settings of a {@link UNet}. */
export interface UNetOptions extends SegmentationOptions {
  /** Channels of the first level, by default 32; each level has twice as many as the one above it, up to `mostChannels`. */
  readonly width?: number;
  /** By default no bound. */
  readonly mostChannels?: number;
  /** How many sizes there are: 1 never halves the image. By default 5, as in the paper. */
  readonly levels?: number;
  /** The dilation of both convolutions of the lowest level, by default 1. */
  readonly dilation?: number;
  /** The probability that a channel of the lowest level is left out in training, by default 0. */
  readonly dropout?: number;
}

/**
 * A U-Net (Ronneberger, Fischer and Brox 2015): on the way down images are halved, on the way up doubled, and each level on the way up also gets what
 * the same level had on the way down. Other than there, borders are padded, so that the result has the size of the image, and each convolution has
 * batch normalisation. Images of any size will do whose sides are longer than 2^(levels - 2): odd ones are halved upwards.
 */
export class UNet extends SegmentationNetwork {
  readonly down: readonly Sequential[];
  readonly up: readonly ConvTranspose2d[];
  readonly joined: readonly Sequential[];
  readonly dropout: Dropout2d;
  readonly output: Conv2d;

  constructor(options: UNetOptions) {
    super(options, { width: "optional", mostChannels: "optional", levels: "optional", dilation: "optional", dropout: "optional" });
    const { width = 32, mostChannels = Number.MAX_SAFE_INTEGER, levels = 5, dilation = 1, dropout = 0 } = options;
    checkSizes("UNet", { width, mostChannels, levels, dilation }, 1);
    check(levels <= 10, () => `UNet: got ${levels} levels, expected at most 10`);
    const channels = Array.from({ length: levels }, (_, level) => Math.min(mostChannels, width * 2 ** level));
    const two = (inputs: number, outputs: number, spread = 1) =>
      new Sequential(convNorm(inputs, outputs, 3, { dilation: spread }), convNorm(outputs, outputs, 3, { dilation: spread }));
    this.down = channels.map((outputs, level) =>
      two(channels[level - 1] ?? this.imageChannels, outputs, level === levels - 1 ? dilation : 1),
    );
    const above = channels.slice(0, -1);
    this.up = above.map((outputs, level) => new ConvTranspose2d(channels[level + 1] as number, outputs, 2, { stride: 2 }));
    this.joined = above.map((outputs) => two(2 * outputs, outputs));
    this.dropout = new Dropout2d(dropout);
    this.output = new Conv2d(channels[0] as number, this.classes, 1);
  }

  forward(images: Tensor): Tensor {
    this.checkImages(images);
    const levels: Tensor[] = [];
    let x = images;
    for (const [level, layers] of this.down.entries()) {
      x = layers.forward(level === 0 ? x : maxPool(x, 2, { ceilMode: true }));
      levels.push(x);
    }
    x = this.dropout.forward(levels.pop() as Tensor);
    for (let level = levels.length - 1; level >= 0; level--) {
      const beside = levels[level] as Tensor;
      const doubled = cropLike((this.up[level] as ConvTranspose2d).forward(x), beside);
      x = (this.joined[level] as Sequential).forward(concat([beside, doubled], { axis: 1 }));
    }
    return this.output.forward(x);
  }
}
