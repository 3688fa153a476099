import { check } from "kasane";
import type { PredictContext } from "../context.js";
import { part } from "../generative/pictures.js";
import { printPictures, rowsOf } from "../plot/pictureGrid.js";
import type { Task } from "./classification.js";
import { judgeOf, restoreClassifier } from "./classifier.js";

/** What a prediction takes. */
export const pictureText = 'the index of a test picture, such as "7"';

/** Prints what a trained classifier takes a picture for. */
export async function tell(context: PredictContext, { classifier, classNames, judged, views }: Task, text: string): Promise<void> {
  const index = Number(text);
  check(
    /^\d+$/.test(text.trim()) && index < judged.count,
    () => `predict: got "${text}", expected the index of a test picture, 0 to ${judged.count - 1}`,
  );
  await restoreClassifier(context, classifier);
  const picture = part(judged, index, index + 1);
  const probabilities = Array.from(await judgeOf(classifier, views, context.device)(picture));
  const named = classNames.map((name, c) => ({ name, probability: probabilities[c] as number }));
  const ranked = named.sort((a, b) => b.probability - a.probability);
  const grey = Array.from(picture.pixels, (value) => value / 255);
  context.print(printPictures(rowsOf(grey, grey.length), picture.height, picture.width));
  const lines = ranked.slice(0, 3).map(({ name, probability }) => `${name} ${(100 * probability).toFixed(1)} %`);
  const truth = classNames[picture.labels[0] as number];
  context.print(`${lines.join(", ")}; it is: ${truth}`, {
    event: "prediction",
    index,
    truth,
    probabilities: Object.fromEntries(ranked.map(({ name, probability }) => [name, probability])),
  });
}
