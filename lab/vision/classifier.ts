import { compile, concat, type Device, flip, type models, optim, pad, slice, softmax, type Tensor, tensor } from "kasane";
import type { PredictContext } from "../context.js";
import { inParts, type Pictures } from "../generative/pictures.js";

/** The mean and the standard deviation of the pixels that are trained on, where white is 1. */
export interface PixelScale {
  readonly mean: number;
  readonly deviation: number;
}

/** The {@link PixelScale} of pictures, to four digits. */
export function scaleOf({ pixels }: Pictures): PixelScale {
  const counts = new Float64Array(256);
  for (const value of pixels) counts[value] = (counts[value] as number) + 1;
  const meanOf = (of: (value: number) => number) => counts.reduce((sum, count, value) => sum + count * of(value / 255), 0) / pixels.length;
  const mean = meanOf((value) => value);
  const deviation = Math.sqrt(meanOf((value) => (value - mean) ** 2));
  const rounded = (value: number) => Math.round(1e4 * value) / 1e4;
  return { mean: rounded(mean), deviation: Math.max(rounded(deviation), 1e-4) };
}

/** A network that tells what grey pictures show. */
export interface Classifier {
  readonly model: models.ImageClassifier;
  readonly scale: PixelScale;
}

/** Averages of the weights over about the last 200 steps, which are judged by and kept. */
export const averageOf = ({ model }: Classifier): optim.WeightAverage => new optim.WeightAverage(model, { decay: 0.995, warmUp: true });

/** Sets a classifier to what a run has learnt. */
export async function restoreClassifier(context: PredictContext, classifier: Classifier): Promise<void> {
  const average = averageOf(classifier);
  await context.restore({ model: classifier.model, average });
  await average.swap();
}

/** Bytes `[batch, channels, height, width]` of pictures. */
export const bytesOf = ({ count, height, width, pixels }: Pictures): Tensor => tensor(pixels, { shape: [count, 1, height, width] });

/** Pixels of 0 to 255 as the network takes them. */
export const inputOf = ({ scale }: Classifier, pixels: Tensor): Tensor =>
  pixels.cast("float32").div(255).sub(scale.mean).div(scale.deviation);

/** Logits `[batch, classes]` of pictures whose pixels are 0 to 255. */
export const logitsOf = (classifier: Classifier, pixels: Tensor): Tensor => classifier.model.forward(inputOf(classifier, pixels));

/** A picture moved by a few pixels, mirrored or not, and how much what is told from it counts. */
export interface View {
  readonly mirrored: boolean;
  readonly down: number;
  readonly right: number;
  readonly weight: number;
}

/** The picture as it is. */
export const plainView: readonly View[] = [{ mirrored: false, down: 0, right: 0, weight: 1 }];

/** The picture as it is, which counts a third, and moved by a pixel to each side. */
export const movedViews: readonly View[] = [
  { mirrored: false, down: 0, right: 0, weight: 1 / 3 },
  { mirrored: false, down: -1, right: 0, weight: 1 / 6 },
  { mirrored: false, down: 1, right: 0, weight: 1 / 6 },
  { mirrored: false, down: 0, right: -1, weight: 1 / 6 },
  { mirrored: false, down: 0, right: 1, weight: 1 / 6 },
];

/** Each view and its mirror image. */
export const mirroredToo = (views: readonly View[]): View[] =>
  views.flatMap((view) => [false, true].map((mirrored) => ({ ...view, mirrored, weight: view.weight / 2 })));

function seen(pixels: Tensor, { mirrored, down, right }: View): Tensor {
  const [height, width] = pixels.shape.slice(2) as [number, number];
  const [tall, wide] = [Math.abs(down), Math.abs(right)];
  const around = pad(pixels, [
    [0, 0],
    [0, 0],
    [tall, tall],
    [wide, wide],
  ]);
  const moved = slice(around, [[], [], [tall - down, tall - down + height], [wide - right, wide - right + width]]);
  return mirrored ? flip(moved, { axis: 3 }) : moved;
}

/** Pictures that a network sees at once, each view of one counted: a graph that has all views side by side keeps all their maps in memory. */
const seenAtOnce = 250;

/**
 * A function that gives the probabilities of each class, in rows.
 * @param views what each picture is looked at as
 * @param average what stands in place of the weights, where these are still learnt
 */
export function judgeOf(classifier: Classifier, views: readonly View[], device: Device, average?: optim.WeightAverage) {
  const { classes } = classifier.model;
  const weights = tensor(
    views.map(({ weight }) => weight),
    { shape: [views.length, 1, 1] },
  );
  const probabilities = (bytes: Tensor) => {
    const pixels = bytes.cast("float32");
    const each = softmax(logitsOf(classifier, concat(views.map((view) => seen(pixels, view)))));
    return each.reshape([views.length, -1, classes]).mul(weights).sum({ axis: 0 });
  };
  const judge = compile((bytes: Tensor) => average?.within(() => probabilities(bytes)) ?? probabilities(bytes), {
    device,
    // An arena would keep the most that a call needs, for each of the functions that judge.
    arena: false,
  });
  return async (pictures: Pictures): Promise<Float32Array> => {
    const result = new Float32Array(pictures.count * classes);
    let done = 0;
    for (const some of inParts(pictures, Math.ceil(seenAtOnce / views.length))) {
      result.set((await (await judge(bytesOf(some))).data()) as Float32Array, done * classes);
      done += some.count;
    }
    return result;
  };
}
