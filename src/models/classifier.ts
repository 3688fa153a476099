import { check } from "../graph/error.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Module } from "../nn/module.js";
import { checkSizes } from "../nn/sizes.js";
import { globalAveragePool } from "../ops/adaptivePool.js";
import { reshape } from "../ops/shapes.js";

/** Settings of all image classifiers. */
export interface ClassifierOptions {
  /** By default the 1000 of ImageNet. */
  readonly classes?: number;
  /** Channels of the images, by default 3. */
  readonly imageChannels?: number;
}

/** The names of the options of all image classifiers. */
export const classifierOptions: OptionNames<ClassifierOptions> = { classes: "optional", imageChannels: "optional" };

/** A network that tells what images show. */
export abstract class ImageClassifier extends Module {
  readonly classes: number;
  readonly imageChannels: number;

  /** @param names those of the options; all that are not given are settings of all classifiers */
  protected constructor(options: ClassifierOptions, names: Readonly<Record<string, "required" | "optional">> = {}) {
    super();
    checkOptions(new.target.name, options, { ...classifierOptions, ...names } as OptionNames<ClassifierOptions>);
    const { classes = 1000, imageChannels = 3 } = options;
    checkSizes(new.target.name, { classes, imageChannels }, 1);
    this.classes = classes;
    this.imageChannels = imageChannels;
  }

  /** The maps `[batch, channels, height, width]` that the classes are told from. */
  abstract features(images: Tensor): Tensor;

  /** Logits `[batch, classes]` of the maps that {@link features} gives. */
  abstract classify(maps: Tensor): Tensor;

  /** Logits `[batch, classes]` of images `[batch, imageChannels, height, width]`. */
  override forward(images: Tensor): Tensor {
    return this.classify(this.features(images));
  }

  /** {@link classify} by each network that learns by itself: one, except of an ensemble. */
  memberClassify(maps: Tensor): readonly Tensor[] {
    return [this.classify(maps)];
  }

  /** Logits `[batch, classes]` by each network that learns by itself: one, except of an ensemble. */
  memberLogits(images: Tensor): readonly Tensor[] {
    return [this.forward(images)];
  }

  /** What torchvision calls `features` is `blocks` here, beside the method {@link features}. */
  override torchName(path: string): string {
    return super.torchName(path.replace(/^blocks\./, "features."));
  }

  /** @param least the height and width below which nothing would be left */
  protected checkImages({ rank, shape }: Tensor, [height, width]: readonly [number, number] = [1, 1]): void {
    const least = height > 1 || width > 1 ? ` of at least ${height}x${width} pixels` : "";
    check(
      rank === 4 && shape[1] === this.imageChannels && (shape[2] as number) >= height && (shape[3] as number) >= width,
      () => `${this.constructor.name}: got ${showShape(shape)}, expected [batch, ${this.imageChannels}, height, width]${least}`,
    );
  }
}

/** Throws unless a width multiplier is a positive number. */
export const checkWidth = (owner: string, width: number): void =>
  check(width > 0 && Number.isFinite(width), () => `${owner}: got width ${width}, expected a number above 0`);

/** The mean of each channel of `[batch, channels, height, width]`: `[batch, channels]`. */
export const channelMeans = (x: Tensor): Tensor => reshape(globalAveragePool(x), [x.shape[0] as number, x.shape[1] as number]);

/** One of several published variants of a network, by its key. */
export function variantOf<Variant>(
  owner: string,
  option: string,
  variants: Readonly<Record<string, Variant>>,
  key: string | number,
): Variant {
  check(
    Object.hasOwn(variants, key),
    () => `${owner}: got ${option} ${JSON.stringify(key)}, expected one of ${Object.keys(variants).join(", ")}`,
  );
  return variants[key] as Variant;
}
