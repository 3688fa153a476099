import { compile, type Device, data, type models, optim, type Tensor, tensor, vision } from "kasane";
import type { datasets } from "kasane/node";

/** What finds objects in images. */
export type Detector = models.Detector;

/** Averages of the weights over about the last 200 steps, which are judged by and kept. */
export const averageOf = (model: Detector): optim.WeightAverage => new optim.WeightAverage(model, { decay: 0.995, warmUp: true });

/** Pixels of 0 to 255 as the network takes them: about the mean and the deviation of the cells' images. */
export const inputOf = (pixels: Tensor): Tensor => pixels.cast("float32").sub(180).div(50);

/** What a step is made from. */
export interface DetectionBatch {
  /** Bytes `[batch, channels, height, width]`. */
  readonly pixels: Tensor;
  readonly targets: models.DetectionTargets;
}

/**
 * Pictures of one size with what is to be learnt from them.
 * @param stride of the detector's map
 * @param most how many objects a picture has at most
 */
export function batchOf(samples: readonly data.augment.Sample[], stride: number, most: number): DetectionBatch {
  const targets = samples.map(({ picture: { height, width }, boxes = [] }) =>
    vision.assignPlaces(boxes, { height: Math.ceil(height / stride), width: Math.ceil(width / stride), stride }),
  );
  const objects = samples.map(({ boxes = [] }) => ({
    classes: Array.from({ length: most }, (_, i) => boxes[i]?.class ?? vision.background),
    boxes: Array.from({ length: most }, (_, i) => boxes[i]?.box ?? [0, 0, 0, 0]).flat(),
  }));
  return {
    pixels: data.augment.stackPictures(samples.map(({ picture }) => picture)),
    targets: { places: tensorsOf(targets), objects: tensorsOf(objects) },
  };
}

/** Classes and boxes of pictures, of each as many, as tensors. */
function tensorsOf(pictures: readonly { readonly classes: ArrayLike<number>; readonly boxes: ArrayLike<number> }[]): vision.ObjectTensors {
  const shape = [pictures.length, pictures[0]?.classes.length ?? 0];
  return {
    classes: tensor(Int32Array.from(pictures.flatMap(({ classes }) => Array.from(classes))), { shape }),
    boxes: tensor(Float32Array.from(pictures.flatMap(({ boxes }) => Array.from(boxes))), { shape: [...shape, 4] }),
  };
}

/** A picture as a detector takes it. */
type Image = Pick<datasets.DetectionSample, "picture">;

/** What gives the objects of a picture, in descending order of scores. */
export type Find = (image: Image) => Promise<Omit<vision.Detection, "image">[]>;

/** Low, so that precision is known at every recall; a person is shown fewer. */
const leastScore = 0.02;

/**
 * A function that finds the objects of a picture.
 * @param average what stands in place of the weights, where these are still learnt
 */
export function findIn(model: Detector, device: Device, average?: optim.WeightAverage): Find {
  const detect = (pixels: Tensor) => model.detect(inputOf(pixels), { scoreThreshold: leastScore });
  const find = compile((pixels: Tensor) => (average ? average.within(() => detect(pixels)) : detect(pixels)), { device });
  return async ({ picture }) => {
    const { boxes, scores, classes } = await find(data.augment.stackPictures([picture]));
    const [corners, score, of] = await Promise.all([boxes.data(), scores.data(), classes.data()]);
    return Array.from(of, Number).flatMap((found, i) =>
      found < 0
        ? []
        : [{ class: found, score: Number(score[i]), box: Array.from(corners.slice(4 * i, 4 * i + 4), Number) as unknown as vision.Box }],
    );
  };
}

/**
 * What finds in pictures of any size as in those that were learnt from, whose objects look so large and no larger.
 * @param longer pixels of the longer side that pictures are brought to
 */
export const findResized =
  (find: Find, longer: number): Find =>
  async ({ picture }) => {
    const { height, width } = picture;
    const factor = longer / Math.max(height, width);
    if (factor === 1) return find({ picture });
    const [tall, wide] = [height, width].map((side) => Math.max(1, Math.round(side * factor))) as [number, number];
    const [down, across] = [height / tall, width / wide];
    const found = await find(data.augment.resize({ picture }, [tall, wide]));
    return found.map(({ box: [x1, y1, x2, y2], ...each }) => ({ ...each, box: [x1 * across, y1 * down, x2 * across, y2 * down] as const }));
  };

/** What is found in all pictures, which are counted from 0. */
export async function detectAll(find: Find, images: readonly Image[]): Promise<vision.Detection[]> {
  const all: vision.Detection[] = [];
  for (const [image, sample] of images.entries()) {
    for (const found of await find(sample)) all.push({ image, ...found });
  }
  return all;
}

/** What there is in pictures, which are counted from 0. */
export const truthsOf = (samples: readonly datasets.DetectionSample[]): vision.Truth[] =>
  samples.flatMap(({ boxes }, image) => boxes.map((object) => ({ image, ...object })));

/** Average precision, at an IoU of 0.5 also of each class. A class that no truth has is left out. */
export function figuresOf(detections: readonly vision.Detection[], truths: readonly vision.Truth[], classNames: readonly string[]) {
  const coco = vision.cocoAveragePrecision(detections, truths);
  const voc = vision.vocAveragePrecision(detections, truths);
  const byClass = Object.fromEntries([...voc.byClass].map(([of, precision]) => [`AP50 ${classNames[of]}`, precision]));
  return { mAP50: coco.ap50, mAP: coco.ap, vocMAP50: voc.mean, ...byClass };
}

/** Figures in one line. */
export const shownFigures = (figures: Readonly<Record<string, number>>): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${value.toFixed(4)}`)
    .join(", ");
