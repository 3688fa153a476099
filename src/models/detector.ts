import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Module } from "../nn/module.js";
import { checkSizes } from "../nn/sizes.js";
import type { SuppressBoxesOptions } from "../ops/suppression.js";
import type { FoundBoxes } from "../vision/findBoxes.js";
import type { ObjectTensors } from "../vision/placeLoss.js";
import { PyramidBackbone } from "./pyramidBackbone.js";

/** Settings of the detectors. */
export interface DetectorOptions {
  readonly classes: number;
  /** Channels of the images, by default 3. */
  readonly imageChannels?: number;
  /** Channels of the first convolution, by default 16; see {@link PyramidBackbone}. */
  readonly width?: number;
}

/** What a detector learns from. */
export interface DetectionTargets {
  /** What each place of the map should say, `[batch, places]` and `[batch, places, 4]`; see `vision.assignPlaces`. */
  readonly places: ObjectTensors;
  /** The objects of each image, `[batch, n]` and `[batch, n, 4]`, filled up with boxes without area of the class `vision.background`. */
  readonly objects: ObjectTensors;
}

/** Finds objects in images `[batch, imageChannels, height, width]`. */
export abstract class Detector extends Module {
  readonly classes: number;
  readonly backbone: PyramidBackbone;

  protected constructor(options: DetectorOptions) {
    super();
    checkOptions<DetectorOptions>(new.target.name, options, { classes: "required", imageChannels: "optional", width: "optional" });
    const { classes, imageChannels = 3, width = 16 } = options;
    checkSizes(new.target.name, { classes, imageChannels, width }, 1);
    this.classes = classes;
    this.backbone = new PyramidBackbone(imageChannels, width);
  }

  /** The parts of the loss, scalars to be added up: those called `...Class` of scores, those called `...Box` of boxes. */
  abstract losses(images: Tensor, targets: DetectionTargets): Readonly<Record<string, Tensor>>;

  /** The objects of images, as {@link detect} finds them by its defaults. */
  override forward(images: Tensor): FoundBoxes {
    return this.detect(images);
  }

  /** The objects of images; see `vision.findBoxes`. */
  abstract detect(images: Tensor, options?: SuppressBoxesOptions): FoundBoxes;

  /** What the backbone makes of images. */
  protected features(images: Tensor): Tensor {
    const { imageChannels } = this.backbone;
    check(
      images.rank === 4 && images.shape[1] === imageChannels,
      () => `${this.constructor.name}: got ${showShape(images.shape)}, expected [batch, ${imageChannels}, height, width]`,
    );
    return this.backbone.forward(images);
  }
}
