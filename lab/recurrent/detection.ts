import type { data } from "kasane";
import type { Series } from "../plot/chart.js";

/** How well marks fit what is there. */
export interface DetectionFigures {
  /** The share of the marks that are right. */
  readonly precision: number;
  /** The share found of what there is. */
  readonly recall: number;
  /** The harmonic mean of both. */
  readonly f1: number;
}

/** A detector's scores of places, and what is at them. */
export class Detection {
  private readonly places: { readonly score: number; readonly truth: boolean }[] = [];
  private there = 0;

  /** @param truth whether there is something to be marked */
  add(score: number, truth: boolean): void {
    this.places.push({ score, truth });
    if (truth) this.there++;
  }

  /** The figures where every place of at least this score is marked. */
  at(threshold: number): DetectionFigures {
    const marked = this.places.filter(({ score }) => score >= threshold);
    return this.figures(marked.filter(({ truth }) => truth).length, marked.length);
  }

  /** The threshold of the highest F1, and the figures there. */
  best(): DetectionFigures & { readonly threshold: number } {
    return this.curve().reduce((best, point) => (point.f1 > best.f1 ? point : best));
  }

  /** Precision over recall, at each hundredth of the recall. */
  series(name: string): Series {
    const hundredth = ({ recall }: DetectionFigures) => Math.floor(100 * recall);
    const curve = this.curve();
    const points = curve.filter((point, i) => hundredth(point) > (i === 0 ? 0 : hundredth(curve[i - 1] as DetectionFigures)));
    return { name, x: points.map(({ recall }) => recall), y: points.map(({ precision }) => precision) };
  }

  /** The figures of every threshold, from the highest on; there is one place or more. */
  private curve(): (DetectionFigures & { readonly threshold: number })[] {
    const sorted = [...this.places].sort((a, b) => b.score - a.score);
    let found = 0;
    return sorted.flatMap(({ score, truth }, i) => {
      if (truth) found++;
      // Places of equal scores are marked together.
      return sorted[i + 1]?.score === score ? [] : [{ threshold: score, ...this.figures(found, i + 1) }];
    });
  }

  private figures(found: number, marked: number): DetectionFigures {
    const { there } = this;
    // 2 / (1 / precision + 1 / recall); 0 where nothing is marked, or nothing is there
    return { precision: found / (marked || 1), recall: found / (there || 1), f1: (2 * found) / (marked + there || 1) };
  }
}

/** What is marked in a sentence. */
export const marks = ["misspelt", "missing"] as const;

/** How sure a detector is of each mark, of each place of a sentence. */
export interface Scores {
  /** Of each token. */
  readonly misspelt: readonly number[];
  /** Before each token and, one longer, at the end. */
  readonly missing: readonly number[];
}

/** The detections of each mark. */
export type Detections = Readonly<Record<(typeof marks)[number], Detection>>;

/** Sentences judged at a time. */
const batchSize = 64;

/** Has sentences judged by a detector. */
export async function detectionsOf(
  sentences: readonly data.CorruptedSentence[],
  detector: (sentences: readonly (readonly string[])[]) => readonly Scores[] | Promise<readonly Scores[]>,
): Promise<Detections> {
  const detections = { misspelt: new Detection(), missing: new Detection() };
  for (let start = 0; start < sentences.length; start += batchSize) {
    const batch = sentences.slice(start, start + batchSize);
    const scores = await detector(batch.map(({ tokens }) => tokens));
    batch.forEach((sentence, row) => {
      for (const mark of marks) {
        sentence[mark].forEach((truth, place) => detections[mark].add(scores[row]?.[mark][place] as number, truth));
      }
    });
  }
  return detections;
}
