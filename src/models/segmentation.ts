import { check } from "../graph/error.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Module } from "../nn/module.js";
import { checkSizes } from "../nn/sizes.js";
import { slice } from "../ops/slicing.js";

/** Settings of all networks that segment images. */
export interface SegmentationOptions {
  readonly classes: number;
  /** Channels of the images, by default 3. */
  readonly imageChannels?: number;
}

/** A network that tells for each pixel what it belongs to. */
export abstract class SegmentationNetwork extends Module {
  readonly classes: number;
  readonly imageChannels: number;

  /** @param names those of the options; all that are not given are settings of all such networks */
  protected constructor(options: SegmentationOptions, names: Readonly<Record<string, "optional">>) {
    super();
    checkOptions(new.target.name, options, {
      classes: "required",
      imageChannels: "optional",
      ...names,
    } as OptionNames<SegmentationOptions>);
    const { classes, imageChannels = 3 } = options;
    checkSizes(new.target.name, { classes, imageChannels }, 1);
    this.classes = classes;
    this.imageChannels = imageChannels;
  }

  /** Logits `[batch, classes, height, width]` of images `[batch, imageChannels, height, width]`. */
  abstract override forward(images: Tensor): Tensor;

  protected checkImages({ rank, shape }: Tensor): void {
    check(
      rank === 4 && shape[1] === this.imageChannels && shape.every((size) => size > 0),
      () => `${this.constructor.name}: got ${showShape(shape)}, expected [batch, ${this.imageChannels}, height, width]`,
    );
  }
}

/** The places of `x` that `like` has too: where an odd size was halved upwards, doubling it gives one too many. */
export function cropLike(x: Tensor, like: Tensor): Tensor {
  const [height, width] = like.shape.slice(2) as [number, number];
  return slice(x, [[], [], [0, height], [0, width]]);
}
