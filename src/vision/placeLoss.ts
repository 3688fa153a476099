import { stopGradient } from "../autodiff/custom.js";
import { check } from "../graph/error.js";
import { sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { sigmoid } from "../ops/activation.js";
import { abs, div, maximum, mul, sub } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { equal, greaterEqual } from "../ops/compare.js";
import { arange } from "../ops/create.js";
import { pow } from "../ops/elementary.js";
import { binaryCrossEntropy } from "../ops/loss.js";
import { sum } from "../ops/reduce.js";
import { unsqueeze } from "../ops/shapes.js";
import { giouOfBoxes, iouOfBoxes } from "./boxTensors.js";

/** What a network says of each place of an image. */
export interface PlacePredictions {
  /** `[batch, places, classes]`; their sigmoids are scores. */
  readonly logits: Tensor;
  /** `[batch, places, 4]`: x1, y1, x2, y2 in pixels. */
  readonly boxes: Tensor;
}

/** Objects of images, or what each of some places should say. */
export interface ObjectTensors {
  /** int32 `[batch, n]`: the class, or `background` where there is no object. */
  readonly classes: Tensor;
  /** `[batch, n, 4]` */
  readonly boxes: Tensor;
}

/**
 * The cross entropy of `σ(logits)` and `targets` in [0, 1], times `|target - σ(logit)|^β`, element by element: targets say how good a box is, and what is
 * predicted well counts less (Li et al. 2020, Generalized focal loss, equation 2).
 * @param beta by default 2
 */
export function qualityFocalLoss(logits: Tensor, targets: Tensor, beta = 2): Tensor {
  check(beta >= 0 && Number.isFinite(beta), () => `qualityFocalLoss: beta ${beta}, expected a number from 0`);
  return mul(pow(abs(sub(targets, sigmoid(logits))), beta), binaryCrossEntropy(logits, targets, { reduction: "none" }));
}

/**
 * The losses of a detector that predicts an object at each place of a map, both scalars. Scores learn the IoU of the predicted box with the object's
 * ({@link qualityFocalLoss}, summed and divided by the number of places that have an object); boxes learn by `1 - GIoU`, weighted by that IoU.
 */
export function placeLoss({ logits, boxes }: PlacePredictions, targets: ObjectTensors): { classLoss: Tensor; boxLoss: Tensor } {
  const [batch, places, classes] = logits.shape as readonly number[] as [number, number, number];
  check(
    sameShape(targets.classes.shape, [batch, places]) && sameShape(targets.boxes.shape, [batch, places, 4]),
    () =>
      `placeLoss: targets ${showShape(targets.classes.shape)} and ${showShape(targets.boxes.shape)} of logits ${showShape(logits.shape)}, ` +
      `expected [${batch}, ${places}] and [${batch}, ${places}, 4]`,
  );
  const has = cast(greaterEqual(targets.classes, 0), logits.dtype);
  const quality = mul(stopGradient(iouOfBoxes(boxes, targets.boxes)), has);
  const isClass = cast(equal(unsqueeze(targets.classes, { axis: -1 }), arange(classes)), logits.dtype);
  const entropy = qualityFocalLoss(logits, mul(isClass, unsqueeze(quality, { axis: -1 })));
  const distances = mul(sub(1, giouOfBoxes(boxes, targets.boxes)), quality);
  return { classLoss: div(sum(entropy), maximum(sum(has), 1)), boxLoss: div(sum(distances), maximum(sum(quality), 1)) };
}
