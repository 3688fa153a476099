import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { add, maximum, mul, where } from "../ops/arithmetic.js";
import { equal, greater } from "../ops/compare.js";
import { arange, full, zeros } from "../ops/create.js";
import { gather } from "../ops/indexing.js";
import { reshape, transpose, unsqueeze } from "../ops/shapes.js";
import { unstack } from "../ops/slicing.js";
import { topKOfNumbers } from "../ops/sorting.js";
import { type SuppressBoxesOptions, suppressBoxes } from "../ops/suppression.js";
import { background } from "./match.js";

/** The objects of each image, those of the largest scores first; behind the last one boxes and scores are 0, and classes `background`. */
export interface FoundBoxes {
  /** `[batch, limit, 4]`: x1, y1, x2, y2 in pixels. */
  readonly boxes: Tensor;
  /** `[batch, limit]` */
  readonly scores: Tensor;
  /** int32 `[batch, limit]` */
  readonly classes: Tensor;
}

/**
 * The objects that are left of predictions by non-maximum suppression, as part of the graph; see {@link suppressBoxes} for devices.
 * @param boxes float32 `[batch, places, 4]`
 * @param scores float32 `[batch, classes, places]`, from 0 to 1
 * @param options `limit` is the most objects of an image, by default 100 or as many as there are predictions; scores of 0.05 or less go by default
 */
export function findBoxes(boxes: Tensor, scores: Tensor, options: SuppressBoxesOptions = {}): FoundBoxes {
  checkOptions<SuppressBoxesOptions>("findBoxes", options, { iouThreshold: "optional", scoreThreshold: "optional", limit: "optional" });
  const [batch, classes, places] = scores.shape as readonly number[] as [number, number, number];
  const { limit = Math.min(100, classes * places), scoreThreshold = 0.05 } = options;
  check(scoreThreshold >= 0, () => `findBoxes: scoreThreshold ${scoreThreshold}, expected a number from 0`);
  if (scores.size === 0) {
    const none = [batch, limit] as const;
    return { boxes: zeros([...none, 4]), scores: zeros(none), classes: full(none, background, "int32") };
  }
  const kept = suppressBoxes(boxes, scores, { ...options, scoreThreshold, limit });
  const columns = unstack(transpose(kept)) as [Tensor, Tensor, Tensor];
  const [image, of, place] = columns.map((column) => maximum(column, 0)) as [Tensor, Tensor, Tensor];
  const score = gather(reshape(scores, [-1]), add(mul(add(mul(image, classes), of), places), place));
  // [batch, rows]
  const isHere = equal(reshape(arange(batch), [batch, 1]), columns[0]);
  const best = topKOfNumbers(where(isHere, score, 0), limit);
  const isFound = greater(best.values, 0);
  const corners = gather(gather(reshape(boxes, [-1, 4]), add(mul(image, places), place)), best.indices);
  return {
    boxes: where(unsqueeze(isFound, { axis: -1 }), corners, 0),
    scores: best.values,
    classes: where(isFound, gather(of, best.indices), background),
  };
}
