import { check } from "../graph/error.js";
import { type Box, checkBox } from "./boxes.js";

/** An object of an image, as people marked it. */
export interface Truth {
  /** Which image, for example its index. */
  readonly image: number;
  /** The index of its class. */
  readonly class: number;
  readonly box: Box;
  /** COCO's: the box is around many objects that were not told apart, so any number of detections in it are left out, and missing it is no miss. */
  readonly crowd?: boolean;
  /** Pascal VOC's: a detection of it is left out, and missing it is no miss. */
  readonly difficult?: boolean;
  /** In square pixels, which COCO sorts by size; by default the box's. COCO's own files have the area of the object's outline. */
  readonly area?: number;
}

/** An object as a model found it. */
export interface Detection {
  readonly image: number;
  /** The index of its class. */
  readonly class: number;
  readonly box: Box;
  readonly score: number;
}

/** Throws unless all boxes are in order, all classes indices and all scores finite. */
export function checkDetections(owner: string, detections: readonly Detection[], truths: readonly Truth[]): void {
  for (const each of [...detections, ...truths]) {
    checkBox(owner, each.box);
    const found = each.class;
    check(Number.isInteger(found) && found >= 0, () => `${owner}: class ${found}, expected an index from 0`);
    check(Number.isInteger(each.image), () => `${owner}: image ${each.image}, expected an integer`);
  }
  for (const { score } of detections) check(Number.isFinite(score), () => `${owner}: score ${score}, expected a finite number`);
}

/** The classes that have truths, in ascending order. */
export const classesOf = (truths: readonly Truth[]): number[] => [...new Set(truths.map((truth) => truth.class))].sort((a, b) => a - b);

/** Those of a class, by image. */
export function byImage<Item extends { readonly class: number; readonly image: number }>(
  items: readonly Item[],
  of: number,
): Map<number, Item[]> {
  const groups = new Map<number, Item[]>();
  for (const item of items) {
    if (item.class !== of) continue;
    const group = groups.get(item.image);
    if (group) group.push(item);
    else groups.set(item.image, [item]);
  }
  return groups;
}

/** A curve's points after each detection, and precision made so that it never rises with recall: the largest at this recall or more. */
export interface PrecisionRecall {
  readonly precision: Float64Array;
  readonly recall: Float64Array;
}

/**
 * The curve over detections in descending order of scores.
 * @param right whether each found an object
 * @param count how many objects there are, more than 0
 */
export function precisionRecall(right: readonly boolean[], count: number): PrecisionRecall {
  let found = 0;
  const precision = new Float64Array(right.length);
  const recall = new Float64Array(right.length);
  right.forEach((is, i) => {
    if (is) found++;
    precision[i] = found / (i + 1);
    recall[i] = found / count;
  });
  for (let i = right.length - 2; i >= 0; i--) precision[i] = Math.max(precision[i] as number, precision[i + 1] as number);
  return { precision, recall };
}

/** The mean precision at recalls in ascending order: of each the first point that reaches it, or 0. */
export function meanPrecision({ precision, recall }: PrecisionRecall, recalls: readonly number[]): number {
  let sum = 0;
  let i = 0;
  for (const wanted of recalls) {
    while (i < recall.length && (recall[i] as number) < wanted) i++;
    sum += precision[i] ?? 0;
  }
  return sum / recalls.length;
}

/** The mean, or NaN of nothing. */
export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
