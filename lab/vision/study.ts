import { averagePool, check, compile, type Device, data, metrics, type nn, type optim, type Tensor, tensor } from "kasane";
import type { train } from "kasane/node";
import { z } from "zod";
import type { Context, PredictContext } from "../context.js";
import { images, readTenClasses } from "../generative/pictureSources.js";
import { inParts, type Pictures, part, picturesAt } from "../generative/pictures.js";
import * as option from "../options.js";

// Studies train many small networks on few pictures, and compare them.

/** The options that studies have in common. */
export const studyOptions = {
  images: images(" of ten classes").default("fashion"),
  trainSize: option.fixed(z.int().min(1).default(10_000).describe("pictures that each network is trained on")),
  heldOut: option.fixed(z.int().min(1).default(5000).describe("training pictures that no network is trained on: all are judged by these")),
};

/** What a study learns from and judges by. */
export interface Study {
  readonly train: Pictures;
  readonly heldOut: Pictures;
}

/** The first of the training pictures, and the last of them, which nothing is trained on. The test pictures are not looked at. */
export async function readStudy(context: PredictContext, options: { images: string; trainSize: number; heldOut: number }): Promise<Study> {
  const { train, test } = await readTenClasses(context, options.images, options.heldOut);
  check(options.trainSize <= train.count, () => `--train-size ${options.trainSize}: there are ${train.count} training pictures`);
  return { train: part(train, 0, options.trainSize), heldOut: test };
}

/** Pictures and what they show, as a compiled function takes them. */
export type Batch = { readonly bytes: Tensor; readonly labels: Tensor };

export const batchOf = ({ count, height, width, pixels, labels }: Pictures): Batch => ({
  bytes: tensor(pixels, { shape: [count, 1, height, width] }),
  labels: tensor(Int32Array.from(labels)),
});

/** Bytes as pixels from -1 to 1. */
export const imagesOf = (bytes: Tensor): Tensor => bytes.cast("float32").div(127.5).sub(1);

/** {@link imagesOf} at half the height and width, 14x14: a quarter of the arithmetic. */
export const halvedImagesOf = (bytes: Tensor): Tensor => averagePool(imagesOf(bytes), 2);

/** The batches of an epoch, without a last one that is smaller. */
export function* shuffledBatches(pictures: Pictures, options: { batchSize: number; seed: number; epoch: number }): Generator<Batch> {
  for (const places of data.batches(pictures.count, { ...options, dropLast: true })) yield batchOf(picturesAt(pictures, places));
}

/** One training of a study. */
export interface Training extends Study {
  /** The name of its folder within the run's. */
  readonly name: string;
  readonly model: nn.Module;
  /** Logits `[batch, 10]` of bytes `[batch, 1, 28, 28]`. */
  readonly logits: (bytes: Tensor) => Tensor;
  readonly optimizer: optim.Optimizer;
  readonly batchSize: number;
  readonly epochs: number;
}

/** How well a network does, on pictures that it is trained on and on others. */
export interface Judged {
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly heldOutLoss: number;
  readonly heldOutAccuracy: number;
}

/** The pictures that mean figures of the training are of, and the most of them that a network is judged by. */
const [recordedPictures, judgedPictures] = [1000, 2000];

/** How many updates the mean figures of the training are of. */
export const updatesARecord = (batchSize: number): number => Math.max(1, Math.round(recordedPictures / batchSize));

/** How many updates an epoch has. */
export function updatesAnEpoch({ count }: Pictures, batchSize: number): number {
  const updates = Math.floor(count / batchSize);
  check(updates > 0, () => `${count} pictures are no batch of ${batchSize}: lower the batch size, or take more pictures`);
  return updates;
}

/** Trains a network in a folder of its own, and judges it after each epoch. */
export async function trainStudy(context: Context, training: Training): Promise<Judged & { history: readonly train.Metrics[] }> {
  const { name, model, logits, optimizer, train, heldOut, batchSize, epochs } = training;
  const { device, seed } = context;
  const step = compile(
    ({ bytes, labels }: Batch) => {
      const told = logits(bytes);
      const loss = told.crossEntropy(labels);
      optimizer.minimize(loss);
      return { loss, accuracy: metrics.accuracy(told, labels) };
    },
    { training: true, device },
  );
  const judge = judgeOf(logits, device);
  const judged = part(train, 0, Math.min(train.count, judgedPictures));
  const { history } = await context.fit<Batch>({
    ...context.part(name),
    state: { model, optimizer },
    epochs,
    batches: (epoch) => shuffledBatches(train, { batchSize, seed, epoch }),
    step,
    recordEvery: updatesARecord(batchSize),
    async validate() {
      const [own, others] = [await judge(judged), await judge(heldOut)];
      return { trainLoss: own.loss, trainAccuracy: own.accuracy, heldOutLoss: others.loss, heldOutAccuracy: others.accuracy };
    },
  });
  await Promise.all([step.dispose(), judge.dispose()]);
  const last = history.findLast((record) => record.heldOutLoss !== undefined) as unknown as Judged;
  const { trainLoss, trainAccuracy, heldOutLoss, heldOutAccuracy } = last;
  return { trainLoss, trainAccuracy, heldOutLoss, heldOutAccuracy, history };
}

/** Measures the loss and the accuracy of logits; to be disposed of. */
function judgeOf(logits: (bytes: Tensor) => Tensor, device: Device) {
  const atOnce = 500;
  const sums = compile(
    ({ bytes, labels }: Batch) => {
      const told = logits(bytes);
      return { loss: told.crossEntropy(labels), accuracy: metrics.accuracy(told, labels) };
    },
    { device },
  );
  const judge = async (pictures: Pictures) => {
    let [loss, accuracy] = [0, 0];
    for (const some of inParts(pictures, atOnce)) {
      const means = await sums(batchOf(some));
      loss += (await means.loss.item()) * (some.count / pictures.count);
      accuracy += (await means.accuracy.item()) * (some.count / pictures.count);
    }
    return { loss, accuracy };
  };
  return Object.assign(judge, { dispose: () => sums.dispose() });
}

/** A share in per cent. */
export const percent = (share: number): string => (100 * share).toFixed(1);
