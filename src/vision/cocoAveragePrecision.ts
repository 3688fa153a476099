import { checkedIou, plainArea, shareWithin } from "./boxes.js";
import { byImage, checkDetections, classesOf, type Detection, mean, meanPrecision, precisionRecall, type Truth } from "./detections.js";

/** What {@link cocoAveragePrecision} finds. A mean over no class is NaN. */
export interface CocoAveragePrecision {
  /** The mean over the classes and over the IoU thresholds 0.5, 0.55 ... 0.95. */
  readonly ap: number;
  /** At the IoU threshold 0.5. */
  readonly ap50: number;
  /** At the IoU threshold 0.75. */
  readonly ap75: number;
  /** As {@link ap}, of the objects of at most 32 x 32 pixels. */
  readonly apSmall: number;
  /** As {@link ap}, of the objects of 32 x 32 to 96 x 96 pixels. */
  readonly apMedium: number;
  /** As {@link ap}, of the objects of 96 x 96 pixels or more. */
  readonly apLarge: number;
  /** The share of the objects that were found, as a mean over the classes and the IoU thresholds. */
  readonly averageRecall: number;
  /** {@link ap} of each class that has truths that are no crowds. */
  readonly byClass: ReadonlyMap<number, number>;
}

/** Of each class and image only so many detections count, those of the largest scores. */
const mostDetections = 100;
// To the bit those of NumPy's linspace, which pycocotools compares with.
const thresholds = Array.from({ length: 10 }, (_, i) => ((0.95 - 0.5) / 9) * i + 0.5);
const recalls = Array.from({ length: 101 }, (_, i) => i * 0.01);
const sizes = {
  all: [0, Number.POSITIVE_INFINITY],
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, Number.POSITIVE_INFINITY],
} as const;

type Size = readonly [least: number, most: number];

/** Average precision and recall at each threshold. */
interface Figures {
  readonly precisions: readonly number[];
  readonly recalls: readonly number[];
}

/**
 * Average precision as COCO defines it (Lin et al. 2014, Microsoft COCO; its evaluation page, cocodataset.org/#detection-eval): the precision
 * at 101 recalls, over the IoU thresholds 0.5 to 0.95, of at most 100 detections of a class on an image. Detections in a crowd are left out.
 * So are, where objects of a size are looked at, detections of an object of another size, and those of no object that are of another size
 * themselves. `difficult` is Pascal VOC's and not looked at.
 */
export function cocoAveragePrecision(detections: readonly Detection[], truths: readonly Truth[]): CocoAveragePrecision {
  checkDetections("cocoAveragePrecision", detections, truths);
  const classes = classesOf(truths).map((of) => ({ of, images: pairsByImage(detections, truths, of) }));
  const figures = (size: Size) =>
    classes.flatMap(({ of, images }) => {
      const found = evaluate(images, size);
      return found === undefined ? [] : [{ of, ...found }];
    });
  const precision = (found: readonly Figures[]) => mean(found.flatMap(({ precisions }) => precisions));
  const at = (found: readonly Figures[], threshold: number) => mean(found.map(({ precisions }) => precisions[threshold] as number));
  const all = figures(sizes.all);
  return {
    ap: precision(all),
    ap50: at(all, 0),
    ap75: at(all, 5),
    apSmall: precision(figures(sizes.small)),
    apMedium: precision(figures(sizes.medium)),
    apLarge: precision(figures(sizes.large)),
    averageRecall: mean(all.flatMap((found) => found.recalls)),
    byClass: new Map(all.map(({ of, precisions }) => [of, mean(precisions)])),
  };
}

/** The truths and the detections of a class on an image, in descending order of scores, with `overlaps[detection][truth]`. */
interface Pairs {
  readonly truths: readonly { readonly crowd: boolean; readonly area: number }[];
  readonly detections: readonly { readonly score: number; readonly area: number; readonly overlaps: readonly number[] }[];
}

/** In ascending order of the images, which decides between equal scores. */
function pairsByImage(detections: readonly Detection[], truths: readonly Truth[], of: number): Pairs[] {
  const [found, known] = [byImage(detections, of), byImage(truths, of)];
  const images = [...new Set([...found.keys(), ...known.keys()])].sort((a, b) => a - b);
  return images.map((image) => {
    const there = known.get(image) ?? [];
    const best = (found.get(image) ?? []).sort((a, b) => b.score - a.score).slice(0, mostDetections);
    return {
      truths: there.map(({ crowd = false, box, area = plainArea(box) }) => ({ crowd, area })),
      detections: best.map(({ box, score }) => ({
        score,
        area: plainArea(box),
        overlaps: there.map((truth) => (truth.crowd ? shareWithin(box, truth.box) : checkedIou(box, truth.box))),
      })),
    };
  });
}

/** Figures of the objects of a size, or nothing where there are none. */
function evaluate(images: readonly Pairs[], [least, most]: Size): Figures | undefined {
  const isOther = (area: number) => area < least || area > most;
  const judged = images.map(({ truths, detections }) => ({
    truths: truths.map(({ crowd, area }) => ({ crowd, leftOut: crowd || isOther(area) })),
    detections,
  }));
  const count = judged.flatMap(({ truths }) => truths).filter(({ leftOut }) => !leftOut).length;
  if (count === 0) return undefined;
  const curves = thresholds.map((threshold) => {
    const results = judged.flatMap(({ truths, detections }) => {
      const matches = match(truths, detections, threshold);
      return detections.flatMap(({ score, area }, i) => {
        const found = matches[i];
        const leftOut = found === undefined ? isOther(area) : found.leftOut;
        return leftOut ? [] : [{ score, right: found !== undefined }];
      });
    });
    results.sort((a, b) => b.score - a.score);
    return precisionRecall(
      results.map(({ right }) => right),
      count,
    );
  });
  return { precisions: curves.map((curve) => meanPrecision(curve, recalls)), recalls: curves.map(({ recall }) => recall.at(-1) ?? 0) };
}

interface Judged {
  readonly crowd: boolean;
  readonly leftOut: boolean;
}

/** The truth of each detection: of those still free the one it overlaps most, of equals the last; one that counts comes before all that are left out. */
function match(truths: readonly Judged[], detections: Pairs["detections"], threshold: number): (Judged | undefined)[] {
  const taken = new Set<Judged>();
  const largest = (overlaps: readonly number[], leftOut: boolean): Judged | undefined => {
    let best: Judged | undefined;
    let most = threshold;
    truths.forEach((truth, t) => {
      const overlap = overlaps[t] as number;
      if (truth.leftOut !== leftOut || (taken.has(truth) && !truth.crowd) || overlap < most) return;
      [best, most] = [truth, overlap];
    });
    return best;
  };
  return detections.map(({ overlaps }) => {
    const best = largest(overlaps, false) ?? largest(overlaps, true);
    if (best) taken.add(best);
    return best;
  });
}
