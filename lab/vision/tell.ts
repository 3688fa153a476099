import { statSync } from "node:fs";
import { join } from "node:path";
import { check, data } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import type { PredictContext } from "../context.js";
import { part } from "../generative/pictures.js";
import { fittedTable } from "../layout.js";
import { printPictures, rowsOf } from "../plot/pictureGrid.js";
import type { Task } from "./classification.js";
import { judgeOf, restoreClassifier } from "./classifier.js";
import { drawExplanation, explainerOf } from "./explanation.js";
import { picturesIn } from "./picturesIn.js";

/** What a prediction takes. */
export const pictureText = 'the index of a test picture, an image file, or a folder of them, such as "7" or "shoe.png"';

/** The flags of a prediction. */
export const pictureFlags = z.object({
  invert: z.boolean().default(false).describe("an image file is dark on light, and what was learnt from light on dark"),
  out: z.string().min(1).optional().describe("folder for the pictures of what the network looked at (default: the run's)"),
});

/** A picture that is asked about. */
interface Asked {
  readonly name: string;
  readonly picture: data.augment.Picture;
  /** The class, where it is known. */
  readonly truth?: string | undefined;
}

/** Tells what a trained classifier takes pictures for, and draws what it looked at. */
export async function tell(context: PredictContext, task: Task, text: string, flags: Record<string, unknown>): Promise<void> {
  const { classifier, classNames, views } = task;
  const { invert, out } = pictureFlags.parse(flags);
  const asked = askedOf(task, text, invert);
  await restoreClassifier(context, classifier);
  if (out !== undefined) {
    const found = statSync(out, { throwIfNoEntry: false });
    check(!found || found.isDirectory(), () => `--out ${out}: it is a file: expected a folder`);
    files.makeFolder(out);
  }
  const judge = judgeOf(classifier, views, context.device);
  const explain = explainerOf(classifier, context.device);
  const told = [];
  for (const { name, picture, truth } of asked) {
    const { height, width } = picture;
    const pixels = Uint8Array.from(picture.pixels);
    const probabilities = await judge({ count: 1, height, width, pixels, labels: new Uint8Array(1) });
    const ranked = classNames.map((name, index) => ({ name, index, probability: probabilities[index] as number }));
    ranked.sort((a, b) => b.probability - a.probability);
    const file = out === undefined ? context.folder.file(`${name}-looked-at.png`) : join(out, `${name}-looked-at.png`);
    await files.writeAtomically(file, drawExplanation(picture, await explain(picture, ranked[0]?.index as number)));
    const known = truth === undefined ? {} : { truth };
    told.push({ name, ...known, classes: ranked.map(({ name, probability }) => ({ name, probability })), file });
  }
  report(context, asked, told);
}

/** What was told of a picture: the classes, the most probable first, and the file that it is explained in. */
interface Told {
  readonly name: string;
  readonly truth?: string;
  readonly classes: readonly { readonly name: string; readonly probability: number }[];
  readonly file: string;
}

function report(context: PredictContext, [{ picture }]: readonly [Asked, ...Asked[]], told: readonly Told[]): void {
  const linesOf = ({ classes }: Told) => classes.slice(0, 3).map(({ name, probability }) => `${name} ${(100 * probability).toFixed(1)} %`);
  const [first, ...others] = told as readonly [Told, ...Told[]];
  if (others.length > 0) {
    const rows = told.map((each) => [each.name, ...linesOf(each), each.file]);
    context.print(fittedTable(["picture", "taken for", "else", "or", "looked at"], rows), { event: "predictions", pictures: told });
    return;
  }
  const grey = Array.from(picture.pixels, (value) => value / 255);
  context.print(printPictures(rowsOf(grey, grey.length), picture.height, picture.width));
  context.print(`${linesOf(first).join(", ")}${first.truth === undefined ? "" : `; it is: ${first.truth}`}`, {
    event: "prediction",
    ...first,
  });
  context.print(`what it looked at, by Grad-CAM and by occlusion: ${first.file}`);
}

/** The pictures that `text` names, in the size that was learnt from. */
function askedOf({ classNames, judged }: Task, text: string, invert: boolean): [Asked, ...Asked[]] {
  const { height, width } = judged;
  if (/^\d+$/.test(text.trim())) {
    const index = Number(text);
    check(
      index < judged.count,
      () => `predict: got "${text}", expected the index of a test picture, 0 to ${judged.count - 1}, or an image file`,
    );
    check(!invert, () => `--invert: ${text} is a test picture, which is as those that were learnt from: expected an image file`);
    const { pixels, labels } = part(judged, index, index + 1);
    return [{ name: `${index}`, picture: { pixels, channels: 1, height, width }, truth: classNames[labels[0] as number] }];
  }
  const asked = Array.from(picturesIn(text, 1), ({ name, picture: whole }): Asked => {
    const { picture } = data.augment.resize({ picture: whole }, [height, width]);
    return {
      name,
      picture: invert ? { ...picture, pixels: picture.pixels.map((value) => 255 - value) } : picture,
    };
  });
  return asked as [Asked, ...Asked[]];
}
