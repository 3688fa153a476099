import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { type Box, checkBox, checkedIou } from "./boxes.js";

/** How {@link nonMaximumSuppression} chooses. */
export interface SuppressionOptions {
  /** Of each box: boxes of different classes leave each other alone. By default all are of one class. */
  readonly classes?: ArrayLike<number>;
  /** Boxes whose IoU with a kept one is larger go; by default 0.5. */
  readonly iouThreshold?: number;
  /** Boxes of this score or less go, also where soft suppression brought them there; by default none of the first, and 0.001 with `softSigma`. */
  readonly scoreThreshold?: number;
  /** With it no box goes for its IoU: its score is multiplied by `e^(-IoU² / softSigma)` for each kept box (Bodla et al. 2017, Soft-NMS, equation 3). */
  readonly softSigma?: number;
  /** The most boxes that are kept; by default all. */
  readonly limit?: number;
}

/** A box that was kept: its index, and its score, which soft suppression lowers. */
export interface KeptBox {
  readonly index: number;
  readonly score: number;
}

/** Keeps of boxes on one object the one with the largest score. The result is in descending order of scores; of equal ones the first comes first. */
export function nonMaximumSuppression(boxes: readonly Box[], scores: ArrayLike<number>, options: SuppressionOptions = {}): KeptBox[] {
  const owner = "nonMaximumSuppression";
  checkOptions<SuppressionOptions>(owner, options, {
    classes: "optional",
    iouThreshold: "optional",
    scoreThreshold: "optional",
    softSigma: "optional",
    limit: "optional",
  });
  const { classes, iouThreshold = 0.5, softSigma, limit = boxes.length } = options;
  const { scoreThreshold = softSigma === undefined ? Number.NEGATIVE_INFINITY : 0.001 } = options;
  check(scores.length === boxes.length, () => `${owner}: ${scores.length} scores for ${boxes.length} boxes`);
  check((classes?.length ?? boxes.length) === boxes.length, () => `${owner}: ${classes?.length} classes for ${boxes.length} boxes`);
  check(iouThreshold >= 0 && iouThreshold <= 1, () => `${owner}: iouThreshold ${iouThreshold}, expected 0 to 1`);
  check(
    softSigma === undefined || options.iouThreshold === undefined,
    () => `${owner}: got iouThreshold and softSigma, expected one of them: soft suppression has no threshold of the IoU`,
  );
  check(softSigma === undefined || softSigma > 0, () => `${owner}: softSigma ${softSigma}, expected more than 0`);
  check(!Number.isNaN(scoreThreshold), () => `${owner}: scoreThreshold NaN, expected a number`);
  check(Number.isInteger(limit) && limit >= 0, () => `${owner}: limit ${limit}, expected an integer from 0`);

  let rest = boxes.map((box, index) => {
    checkBox(owner, box);
    const score = scores[index] as number;
    check(Number.isFinite(score), () => `${owner}: score ${score} of box ${index}, expected a finite number`);
    return { index, box, score, class: classes?.[index] ?? 0 };
  });
  rest = rest.filter(({ score }) => score > scoreThreshold);
  const kept: KeptBox[] = [];
  while (rest.length > 0 && kept.length < limit) {
    const best = rest.reduce((a, b) => (b.score > a.score ? b : a));
    kept.push({ index: best.index, score: best.score });
    rest = rest.filter((other) => {
      if (other === best) return false;
      if (other.class !== best.class) return true;
      const overlap = checkedIou(best.box, other.box);
      if (softSigma === undefined) return overlap <= iouThreshold;
      other.score *= Math.exp(-(overlap ** 2) / softSigma);
      return other.score > scoreThreshold;
    });
  }
  return kept;
}
