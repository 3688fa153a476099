import type { Tensor } from "../graph/tensor.js";
import { sigmoid } from "../ops/activation.js";
import { transpose } from "../ops/shapes.js";
import type { SuppressBoxesOptions } from "../ops/suppression.js";
import { clipBoxes } from "../vision/boxTensors.js";
import { type FoundBoxes, findBoxes } from "../vision/findBoxes.js";
import { type PlacePredictions, placeLoss } from "../vision/placeLoss.js";
import { type DetectionTargets, Detector, type DetectorOptions } from "./detector.js";
import { PlaceHead } from "./placeHead.js";

/**
 * Finds objects in one stage and without anchors: a {@link PyramidBackbone}, and a {@link PlaceHead} at each place of its map. In the manner of FCOS
 * (Tian et al. 2019), with scores that learn how good a box is (Li et al. 2020); see `vision.placeLoss`.
 */
export class OneStageDetector extends Detector {
  readonly head: PlaceHead;

  constructor(options: DetectorOptions) {
    super(options);
    this.head = new PlaceHead(this.backbone.channels, this.classes, this.backbone.stride);
  }

  /** Predictions at all places of images `[batch, imageChannels, height, width]`. */
  predictions(images: Tensor): PlacePredictions {
    return this.head.forward(this.features(images));
  }

  override losses(images: Tensor, { places }: DetectionTargets): Readonly<Record<string, Tensor>> {
    const { classLoss, boxLoss } = placeLoss(this.predictions(images), places);
    return { placeClass: classLoss, placeBox: boxLoss };
  }

  override detect(images: Tensor, options: SuppressBoxesOptions = {}): FoundBoxes {
    const { logits, boxes } = this.predictions(images);
    const [height, width] = images.shape.slice(2) as [number, number];
    return findBoxes(clipBoxes(boxes, width, height), transpose(sigmoid(logits), [0, 2, 1]), options);
  }
}
