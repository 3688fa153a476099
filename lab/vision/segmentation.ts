import {
  add,
  argmax,
  compile,
  crossEntropy,
  type Device,
  data,
  flip,
  lovaszSoftmax,
  metrics,
  type models,
  mul,
  type optim,
  permute,
  softmax,
  type Tensor,
  tensor,
  vision,
} from "kasane";
import type { datasets } from "kasane/node";
import { nothing, pixelsOfClasses, roadClasses } from "./roadScenes.js";

/** What a step is made from. */
export interface Batch {
  /** Bytes `[batch, 3, height, width]`. */
  readonly pixels: Tensor;
  /** int32 `[batch, height, width]` */
  readonly mask: Tensor;
}

/** How pixels are learnt from. */
export interface PixelLoss {
  /** How rare classes are made to count more. */
  readonly weights: "none" | "median" | "logarithm";
  /** How much the Lovász extension of the intersection over union counts, from 0; the cross entropy counts 1. */
  readonly lovasz: number;
}

/** Logits `[batch, height, width, classes]` of bytes `[batch, 3, height, width]`. */
export const logitsOf = (model: models.SegmentationNetwork, pixels: Tensor): Tensor =>
  permute(model.forward(pixels.cast("float32").div(255).sub(0.5).div(0.25)), [0, 2, 3, 1]);

/** The loss of a batch, given how often each class occurs in what is trained on. */
export function lossOf(samples: readonly datasets.SegmentationSample[], { weights, lovasz }: PixelLoss) {
  const classWeights = weights === "none" ? undefined : tensor(vision.classWeights(pixelsOfClasses(samples), { by: weights }));
  return (logits: Tensor, mask: Tensor): Tensor => {
    const entropy = crossEntropy(logits, mask, { ignoreIndex: nothing, ...(classWeights && { classWeights }) });
    return lovasz > 0 ? add(entropy, mul(lovaszSoftmax(logits, mask, { ignoreIndex: nothing }), lovasz)) : entropy;
  };
}

/** Samples of one size as a step takes them. */
export function batchOf(samples: readonly data.augment.Sample[]): Batch {
  const pixels = data.augment.stackPictures(samples.map(({ picture }) => picture));
  const [count, , height, width] = pixels.shape as [number, number, number, number];
  const mask = new Int32Array(count * height * width).fill(nothing);
  samples.forEach((sample, i) => {
    mask.set(sample.mask ?? [], i * height * width);
  });
  return { pixels, mask: tensor(mask, { shape: [count, height, width] }) };
}

/** Pictures that are judged at once. */
const judgedAtOnce = 8;

/**
 * A function that tells the class of each pixel, by the picture and its mirror image.
 * @param average what stands in place of the weights, where these are still learnt
 */
export function segmentBy(model: models.SegmentationNetwork, device: Device, average?: optim.WeightAverage) {
  const classesOf = (pixels: Tensor): Tensor => {
    const mirrored = flip(softmax(logitsOf(model, flip(pixels, { axis: 3 }))), { axis: 2 });
    return argmax(add(softmax(logitsOf(model, pixels)), mirrored), { axis: -1 });
  };
  const segment = compile((pixels: Tensor) => average?.within(() => classesOf(pixels)) ?? classesOf(pixels), { device });
  return async (pictures: readonly data.augment.Picture[]): Promise<Uint8Array[]> => {
    const masks: Uint8Array[] = [];
    for (let start = 0; start < pictures.length; start += judgedAtOnce) {
      const some = pictures.slice(start, start + judgedAtOnce);
      const told = await (await segment(data.augment.stackPictures(some))).data();
      const size = told.length / some.length;
      some.forEach((_, i) => masks.push(Uint8Array.from(told.slice(i * size, (i + 1) * size) as Int32Array)));
    }
    return masks;
  };
}

/** Compares what was told with what the pixels are; both figures as shares. */
export function judge(samples: readonly datasets.SegmentationSample[], told: readonly Uint8Array[]) {
  const confusion = new metrics.Confusion(roadClasses.length, { ignore: nothing });
  samples.forEach(({ mask }, i) => confusion.add(told[i] as Uint8Array, mask));
  return { confusion, figures: { meanIou: confusion.meanIou(), pixelAccuracy: confusion.accuracy() } };
}
