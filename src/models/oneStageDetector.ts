import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { Module } from "../nn/module.js";
import { checkSizes } from "../nn/sizes.js";
import { sigmoid } from "../ops/activation.js";
import { transpose } from "../ops/shapes.js";
import type { SuppressBoxesOptions } from "../ops/suppression.js";
import { clipBoxes } from "../vision/boxTensors.js";
import { type FoundBoxes, findBoxes } from "../vision/findBoxes.js";
import type { PlacePredictions } from "../vision/placeLoss.js";
import { PlaceHead } from "./placeHead.js";
import { PyramidBackbone } from "./pyramidBackbone.js";

/** Settings of the detectors. */
export interface DetectorOptions {
  readonly classes: number;
  /** Channels of the images, by default 3. */
  readonly imageChannels?: number;
  /** Channels of the first convolution, by default 16; see {@link PyramidBackbone}. */
  readonly width?: number;
}

/**
 * Finds objects in one stage and without anchors: a {@link PyramidBackbone}, and a {@link PlaceHead} at each place of its map, which is trained by
 * `vision.placeLoss`. In the manner of FCOS (Tian et al. 2019) with scores that say how good a box is (Li et al. 2020).
 */
export class OneStageDetector extends Module {
  readonly backbone: PyramidBackbone;
  readonly head: PlaceHead;

  constructor(options: DetectorOptions) {
    super();
    checkOptions<DetectorOptions>("OneStageDetector", options, { classes: "required", imageChannels: "optional", width: "optional" });
    const { classes, imageChannels = 3, width = 16 } = options;
    checkSizes("OneStageDetector", { classes, imageChannels, width }, 1);
    this.backbone = new PyramidBackbone(imageChannels, width);
    this.head = new PlaceHead(this.backbone.channels, classes, this.backbone.stride);
  }

  /** Predictions at all places of images `[batch, imageChannels, height, width]`. */
  forward(images: Tensor): PlacePredictions {
    return this.head.forward(this.backbone.forward(images));
  }

  /** The objects of images; see `vision.findBoxes`. */
  detect(images: Tensor, options: SuppressBoxesOptions = {}): FoundBoxes {
    const { logits, boxes } = this.forward(images);
    const [height, width] = images.shape.slice(2) as [number, number];
    return findBoxes(clipBoxes(boxes, width, height), transpose(sigmoid(logits), [0, 2, 1]), options);
  }
}
