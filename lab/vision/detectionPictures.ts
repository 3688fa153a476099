import { type data, vision } from "kasane";
import { type datasets, files } from "kasane/node";
import type { Context, PredictContext } from "../context.js";
import { type BoxedPicture, type DrawnBox, drawBoxesPng, drawBoxesSvg } from "../plot/boxes.js";
import { truthsOf } from "./detection.js";

/** The least score of the boxes that a person is shown, unless told otherwise. */
export const shownScore = 0.4;

/** A detection of this IoU with an object has found it. */
const rightIou = 0.5;

/** How many pictures a drawing shows. */
const shownPictures = 4;

/** Leaves a drawing of pictures with boxes in the run folder, as `NAME.svg` and `NAME.png`; returns the files. */
export async function drawBoxed(
  { folder }: PredictContext,
  name: string,
  pictures: readonly BoxedPicture[],
  classNames: readonly string[],
): Promise<{ readonly svg: string; readonly png: string }> {
  const drawn = { svg: folder.file(`${name}.svg`), png: folder.file(`${name}.png`) };
  await files.writeAtomically(drawn.svg, drawBoxesSvg({ pictures, classNames }));
  await files.writeAtomically(drawn.png, drawBoxesPng({ pictures, classNames }));
  return drawn;
}

/** Leaves pictures of a judgement in the run folder: examples and the worst mistakes, with what there is and what was found, and precision by recall. */
export async function drawJudgement(
  context: Context,
  samples: readonly datasets.DetectionSample[],
  detections: readonly vision.Detection[],
  classNames: readonly string[],
): Promise<void> {
  const boxed = samples.map(({ picture, boxes }, image) => {
    const found = detections.filter((detection) => detection.image === image && detection.score >= shownScore);
    return { picture, boxes: [...boxes, ...found], mistakes: mistakesIn(boxes, found) };
  });
  const worst = [...boxed].sort((a, b) => b.mistakes - a.mistakes);
  await drawBoxed(context, "examples", boxed.slice(0, shownPictures), classNames);
  await drawBoxed(context, "mistakes", worst.slice(0, shownPictures), classNames);
  const { curves } = vision.vocAveragePrecision(detections, truthsOf(samples));
  await context.plot("precision-recall", {
    title: `Precision by recall, at an IoU of ${rightIou}`,
    xLabel: "recall",
    yLabel: "precision",
    series: [...curves].map(([of, { precision, recall }]) => ({ name: `${classNames[of]}`, x: [...recall], y: [...precision] })),
  });
}

/** How many objects were not found, and how many boxes are around none. */
function mistakesIn(objects: readonly data.augment.LabelledBox[], found: readonly DrawnBox[]): number {
  const left = new Set(objects);
  let wrong = 0;
  for (const { box, class: of } of found) {
    const right = [...left].find((object) => object.class === of && vision.iou(object.box, box) >= rightIou);
    if (right) left.delete(right);
    else wrong++;
  }
  return left.size + wrong;
}
