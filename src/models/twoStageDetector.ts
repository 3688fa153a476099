import { stopGradient } from "../autodiff/custom.js";
import type { Tensor } from "../graph/tensor.js";
import { normal } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Sequential } from "../nn/sequential.js";
import { relu, sigmoid } from "../ops/activation.js";
import { mul, where } from "../ops/arithmetic.js";
import { greaterEqual } from "../ops/compare.js";
import { tensor } from "../ops/constants.js";
import { full } from "../ops/create.js";
import { reshape, transpose, unsqueeze } from "../ops/shapes.js";
import { concat } from "../ops/slicing.js";
import type { SuppressBoxesOptions } from "../ops/suppression.js";
import { assignBoxes } from "../vision/assignBoxes.js";
import { clipBoxes, decodeBoxes } from "../vision/boxTensors.js";
import { type FoundBoxes, findBoxes } from "../vision/findBoxes.js";
import { background } from "../vision/match.js";
import { type PlacePredictions, placeLoss } from "../vision/placeLoss.js";
import { roiAlign } from "../vision/roiAlign.js";
import { type DetectionTargets, Detector, type DetectorOptions } from "./detector.js";
import { firstLogit, PlaceHead } from "./placeHead.js";

/** Proposals for an image. */
const proposals = 100;
/** Proposals that overlap a better one by more than this go. */
const proposalIou = 0.7;
/** Cells along each side of what the second stage sees of a box. */
const cells = 7;
/** Units of the second stage's layers. */
const units = 128;
/** What the second stage's outputs are multiplied by (Girshick 2015, Fast R-CNN; the factors are those of its published code). */
const offsetScales = [0.1, 0.1, 0.2, 0.2];

/**
 * Finds objects in two stages: the first proposes boxes of any class, the second looks at the part of the map in each with RoIAlign, says what it is, and
 * moves the box (Ren et al. 2015, Faster R-CNN; He et al. 2017, Mask R-CNN). As in Zhou et al. 2021, Probabilistic two-stage detection, the first stage
 * is a detector without anchors. Scores of both stages learn the IoU, see `vision.placeLoss`.
 */
export class TwoStageDetector extends Detector {
  readonly proposalHead: PlaceHead;
  readonly boxLayers: Sequential;
  readonly classLogits: Linear;
  readonly boxOffsets: Linear;

  constructor(options: DetectorOptions) {
    super(options);
    const { channels, stride } = this.backbone;
    this.proposalHead = new PlaceHead(channels, 1, stride);
    const last = (outputs: number, bias: number) =>
      new Linear(units, outputs, { weightInitialiser: normal(0, 0.01), biasInitialiser: (shape) => full(shape, bias) });
    this.boxLayers = new Sequential(new Linear(channels * cells ** 2, units), relu, new Linear(units, units), relu);
    this.classLogits = last(this.classes, firstLogit);
    this.boxOffsets = last(4, 0);
  }

  override losses(images: Tensor, { places, objects }: DetectionTargets): Readonly<Record<string, Tensor>> {
    const features = this.features(images);
    const first = this.proposalHead.forward(features);
    const isObject = where(greaterEqual(places.classes, 0), 0, background);
    const proposal = placeLoss(first, { classes: isObject, boxes: places.boxes });
    // What there is is among the proposals, so that the second stage learns from the first step on.
    const proposed = concat([this.propose(images, first).boxes, objects.boxes], { axis: 1 });
    const box = placeLoss(this.refine(features, proposed), assignBoxes(proposed, objects));
    return {
      proposalClass: proposal.classLoss,
      proposalBox: proposal.boxLoss,
      boxClass: box.classLoss,
      boxBox: box.boxLoss,
    };
  }

  override detect(images: Tensor, options: SuppressBoxesOptions = {}): FoundBoxes {
    const features = this.features(images);
    const { boxes, classes } = this.propose(images, this.proposalHead.forward(features));
    const refined = this.refine(features, boxes);
    const scores = where(unsqueeze(greaterEqual(classes, 0), { axis: -1 }), sigmoid(refined.logits), 0);
    return findBoxes(clipBoxes(refined.boxes, ...sizeOf(images)), transpose(scores, [0, 2, 1]), options);
  }

  /** The first stage's boxes. */
  private propose(images: Tensor, { logits, boxes }: PlacePredictions): FoundBoxes {
    const scores = transpose(sigmoid(logits), [0, 2, 1]);
    const found = { iouThreshold: proposalIou, scoreThreshold: 0, limit: Math.min(proposals, boxes.shape[1] as number) };
    return findBoxes(stopGradient(clipBoxes(boxes, ...sizeOf(images))), stopGradient(scores), found);
  }

  /** The second stage's scores and boxes `[batch, n, ...]` for boxes `[batch, n, 4]`. */
  private refine(features: Tensor, boxes: Tensor): PlacePredictions {
    const [batch, count] = boxes.shape as readonly number[] as [number, number];
    const parts = roiAlign(features, boxes, cells, { scale: 1 / this.backbone.stride });
    const seen = this.boxLayers.forward(reshape(parts, [batch, count, -1]));
    const offsets = mul(this.boxOffsets.forward(seen), tensor(offsetScales, { dtype: boxes.dtype }));
    return { logits: this.classLogits.forward(seen), boxes: decodeBoxes(offsets, boxes) };
  }
}

const sizeOf = ({ shape }: Tensor): [width: number, height: number] => [shape[3] as number, shape[2] as number];
