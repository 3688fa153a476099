import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { checkedIou } from "./boxes.js";
import {
  byImage,
  checkDetections,
  classesOf,
  type Detection,
  mean,
  meanPrecision,
  type PrecisionRecall,
  precisionRecall,
  type Truth,
} from "./detections.js";

/** How {@link vocAveragePrecision} counts. */
export interface VocOptions {
  /** A detection of this IoU or more with a truth is right; by default 0.5. */
  readonly iouThreshold?: number;
  /** At how many recalls: 11 from 0 to 1, as until 2009, or all, the area under the curve, as since 2010; by default all. */
  readonly points?: 11 | "all";
}

/** What {@link vocAveragePrecision} finds. */
export interface VocAveragePrecision {
  /** The mean over the classes that have truths that are not difficult; NaN where there is none. */
  readonly mean: number;
  /** Of each such class. */
  readonly byClass: ReadonlyMap<number, number>;
  /** Precision and recall of each such class, with one detection more at each point. */
  readonly curves: ReadonlyMap<number, PrecisionRecall>;
}

const elevenRecalls = Array.from({ length: 11 }, (_, i) => i / 10);

/**
 * Average precision as Pascal VOC defines it (Everingham et al. 2010, The Pascal Visual Object Classes Challenge, section 4.2): in descending
 * order of scores each detection is compared with the truth it overlaps most, and a second one of the same truth is wrong. Difficult
 * truths and crowds are left out. Areas are those of continuous coordinates; the challenge's program counts pixels, and so adds 1 to each side.
 */
export function vocAveragePrecision(
  detections: readonly Detection[],
  truths: readonly Truth[],
  options: VocOptions = {},
): VocAveragePrecision {
  const owner = "vocAveragePrecision";
  checkOptions<VocOptions>(owner, options, { iouThreshold: "optional", points: "optional" });
  const { iouThreshold = 0.5, points = "all" } = options;
  check(iouThreshold > 0 && iouThreshold <= 1, () => `${owner}: iouThreshold ${iouThreshold}, expected more than 0, and at most 1`);
  check(points === 11 || points === "all", () => `${owner}: points ${points}, expected 11 or "all"`);
  checkDetections(owner, detections, truths);

  const byClass = new Map<number, number>();
  const curves = new Map<number, PrecisionRecall>();
  for (const of of classesOf(truths)) {
    const known = byImage(truths, of);
    const count = [...known.values()].flat().filter((truth) => !isLeftOut(truth)).length;
    if (count === 0) continue;
    const curve = precisionRecall(
      judge(
        detections.filter((detection) => detection.class === of),
        known,
        iouThreshold,
      ),
      count,
    );
    curves.set(of, curve);
    byClass.set(of, points === 11 ? meanPrecision(curve, elevenRecalls) : areaUnder(curve));
  }
  return { mean: mean([...byClass.values()]), byClass, curves };
}

const isLeftOut = ({ difficult = false, crowd = false }: Truth): boolean => difficult || crowd;

/** Whether each detection is right, in descending order of scores, without those of truths that are left out. */
function judge(detections: readonly Detection[], known: ReadonlyMap<number, readonly Truth[]>, iouThreshold: number): boolean[] {
  const found = new Set<Truth>();
  const right: boolean[] = [];
  for (const { box, image } of [...detections].sort((a, b) => b.score - a.score)) {
    let best: Truth | undefined;
    let overlap = 0;
    for (const truth of known.get(image) ?? []) {
      const other = checkedIou(box, truth.box);
      if (best === undefined || other > overlap) [best, overlap] = [truth, other];
    }
    if (best === undefined || overlap < iouThreshold) right.push(false);
    else if (!isLeftOut(best)) {
      right.push(!found.has(best));
      found.add(best);
    }
  }
  return right;
}

/** Σ (rᵢ - rᵢ₋₁) pᵢ */
function areaUnder({ precision, recall }: ReturnType<typeof precisionRecall>): number {
  return recall.reduce((sum, value, i) => sum + (value - (recall[i - 1] ?? 0)) * (precision[i] as number), 0);
}
