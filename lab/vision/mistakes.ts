import { metrics } from "kasane";
import { files } from "kasane/node";
import type { Context } from "../context.js";
import { type Pictures, picturesAt } from "../generative/pictures.js";
import { fittedTable } from "../layout.js";
import { drawHeatMaps } from "../plot/heatMap.js";
import { drawPictureGrid, rowsOf } from "../plot/pictureGrid.js";

/** What a classifier told of pictures. */
export interface Judgement {
  readonly accuracy: number;
  /** The mean cross entropy in nats. */
  readonly loss: number;
  readonly confusion: metrics.Confusion;
  /** Indices of the pictures that were told wrongly, first those whose true class got the least of the probability. */
  readonly mistakes: readonly number[];
  /** The class that each picture was taken for. */
  readonly predicted: Int32Array;
  /** `count * classes`, in rows. */
  readonly probabilities: Float32Array;
}

/** Compares what was told with what pictures show. */
export function judgementOf({ count, labels }: Pictures, probabilities: Float32Array): Judgement {
  const classes = probabilities.length / count;
  const rowOf = (index: number) => probabilities.subarray(index * classes, (index + 1) * classes);
  const predicted = Int32Array.from({ length: count }, (_, index) => {
    const row = rowOf(index);
    return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
  });
  const ofTruth = Float64Array.from({ length: count }, (_, index) => rowOf(index)[labels[index] as number] as number);
  const confusion = new metrics.Confusion(classes);
  confusion.add(predicted, labels);
  const mistakes = Array.from(predicted.keys())
    .filter((index) => predicted[index] !== labels[index])
    .sort((a, b) => (ofTruth[a] as number) - (ofTruth[b] as number));
  const loss = ofTruth.reduce((sum, probability) => sum - Math.log(Math.max(probability, 1e-12)), 0) / count;
  return { accuracy: confusion.accuracy(), loss, confusion, mistakes, predicted, probabilities };
}

/** Mistakes that are shown, in rows of ten. */
const shownMistakes = 40;

/** Prints how often each class was told rightly and what it was taken for, and draws both and the worst mistakes. */
export async function reportMistakes(
  context: Context,
  pictures: Pictures,
  { confusion, mistakes, predicted }: Judgement,
  classNames: readonly string[],
): Promise<void> {
  const rows = classNames.map((name, c) => {
    const others = classNames
      .map((other, i) => ({ other, count: i === c ? 0 : confusion.count(c, i) }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count);
    return [
      name,
      `${(100 * confusion.recall(c)).toFixed(1)} %`,
      `${(100 * confusion.precision(c)).toFixed(1)} %`,
      others.map(({ other, count }) => `${other} ${count}`).join(", "),
    ];
  });
  context.print(`\n${fittedTable(["class", "found", "of those named so", "taken for"], rows)}`, {
    event: "confusion",
    counts: Array.from(confusion.counts),
  });
  const classes = Array.from(classNames.keys());
  const map = {
    title: "Rows: what a picture shows; columns: what it was taken for",
    // The right ones are so many that all others would look alike beside them.
    values: classes.map((row) => classes.map((column) => (row === column ? Number.NaN : confusion.count(row, column)))),
    marks: classes.map((row) => classes.map((column) => String(confusion.count(row, column) || ""))),
    names: classNames,
  };
  await files.writeAtomically(context.folder.file("confusion.svg"), drawHeatMaps([map]));
  const worst = mistakes.slice(0, 10).map((index) => ({
    index,
    shows: classNames[pictures.labels[index] as number] as string,
    takenFor: classNames[predicted[index] as number] as string,
  }));
  const lines = worst.map(({ index, shows, takenFor }) => `${index} ${shows}, taken for ${takenFor}`);
  context.print(`\nthe worst mistakes, the first row of mistakes.png:\n${lines.join("\n")}`, { event: "mistakes", worst });
  const shown = picturesAt(pictures, mistakes.slice(0, shownMistakes));
  const { height, width } = shown;
  const drawn = rowsOf(
    Float32Array.from(shown.pixels, (value) => value / 255),
    height * width,
  );
  const grid = Array.from({ length: Math.ceil(drawn.length / 10) }, (_, row) => drawn.slice(10 * row, 10 * (row + 1)));
  await files.writeAtomically(context.folder.file("mistakes.png"), drawPictureGrid({ height, width, rows: grid }));
}
