import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { where } from "../ops/arithmetic.js";
import { greaterEqual } from "../ops/compare.js";
import { takeAlongAxis } from "../ops/indexing.js";
import { expand, reshape, squeeze, unsqueeze } from "../ops/shapes.js";
import { topKOfNumbers } from "../ops/sorting.js";
import { iouOfBoxes } from "./boxTensors.js";
import { background } from "./match.js";
import type { ObjectTensors } from "./placeLoss.js";

/**
 * The object that each box overlaps most, in the graph (Girshick 2015, Fast R-CNN, section 2.3): its class, or `background` where their IoU is less than a
 * threshold, and its box. No gradient is meant to flow through it.
 * @param boxes `[batch, n, 4]`
 * @param objects `[batch, m]` and `[batch, m, 4]`: filled up with boxes without area, of the class `background`
 * @param threshold the least IoU, by default 0.5
 * @returns `[batch, n]` and `[batch, n, 4]`
 */
export function assignBoxes(boxes: Tensor, objects: ObjectTensors, threshold = 0.5): ObjectTensors {
  const [batch, count] = boxes.shape as readonly number[] as [number, number];
  const most = objects.classes.shape[1] ?? 0;
  check(
    boxes.rank === 3 && objects.classes.rank === 2 && objects.boxes.rank === 3 && most > 0 && objects.boxes.shape[1] === most,
    () =>
      `assignBoxes: boxes ${showShape(boxes.shape)}, objects ${showShape(objects.classes.shape)} and ${showShape(objects.boxes.shape)}, ` +
      "expected [batch, n, 4], [batch, m] and [batch, m, 4] with m above 0",
  );
  check(threshold > 0 && threshold <= 1, () => `assignBoxes: threshold ${threshold}, expected more than 0, and at most 1`);
  const overlaps = iouOfBoxes(unsqueeze(boxes, { axis: 2 }), unsqueeze(objects.boxes, { axis: 1 })); // [batch, n, m]
  const { values, indices } = topKOfNumbers(overlaps, 1);
  const nearest = squeeze(indices, { axis: 2 });
  const corners = takeAlongAxis(objects.boxes, expand(reshape(nearest, [batch, count, 1]), [batch, count, 4]), { axis: 1 });
  const isFound = greaterEqual(squeeze(values, { axis: 2 }), threshold);
  return { classes: where(isFound, takeAlongAxis(objects.classes, nearest), background), boxes: corners };
}
