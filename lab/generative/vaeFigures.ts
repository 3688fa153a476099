import { compile, type Device, less, type models, random, type Tensor, tensor } from "kasane";
import { drawPictureGrid, rowsOf } from "../plot/pictureGrid.js";
import { inParts, type Pictures, picturesAt } from "./pictures.js";

/** Whether grey is the probability of a pixel, or pixels are drawn by it. */
export type Binarization = "none" | "dynamic";

/** A batch as the model is trained and judged on. */
export interface Batch {
  /** Bytes `[batch, pixels]`. */
  readonly pixels: Tensor;
  /** int32 `[batch]` */
  readonly labels: Tensor;
}

export function batchOf({ count, height, width, pixels, labels }: Pictures): Batch {
  return { pixels: tensor(pixels, { shape: [count, height * width] }), labels: tensor(Int32Array.from(labels)) };
}

/** The mean of each pixel, 0 to 1. */
export function meanOf({ count, pixels }: Pictures): Float64Array {
  const mean = new Float64Array(pixels.length / count);
  pixels.forEach((pixel, i) => {
    mean[i % mean.length] = (mean[i % mean.length] as number) + pixel / 255 / count;
  });
  return mean;
}

/** What the model learns: probabilities of pixels, or pixels that are drawn by them. */
export function inputOf({ pixels }: Batch, binarization: Binarization): Tensor {
  const grey = pixels.cast("float32").div(255);
  return binarization === "none" ? grey : less(random.uniform(grey.shape), grey).cast("float32");
}

/** Figures of pictures that were not trained on, in nats a picture. */
export type VaeFigures = Readonly<Record<"negativeElbo" | "reconstruction" | "divergence" | "activeUnits", number>>;

/** A latent unit is active where its posterior mean varies more than this from picture to picture (Burda et al. 2015, section 5.2). */
const activeVariance = 0.01;

/** Pictures that figures are computed from at once. */
const judgedAtOnce = 500;

/** Rows that the decoder gets at once in estimating likelihoods. */
const rowsAtOnce = 5000;

const labelsFor = (model: models.VariationalAutoencoder, { labels }: Batch): Tensor | undefined => (model.classes > 0 ? labels : undefined);

/** A function that judges a model by pictures, with one draw of the latent variable for each. */
export function judgeOf(model: models.VariationalAutoencoder, binarization: Binarization, device: Device) {
  const judge = compile(
    (batch: Batch) => {
      const x = inputOf(batch, binarization);
      const { reconstruction, divergence } = model.negativeElbo(x, labelsFor(model, batch));
      return { reconstruction: reconstruction.sum(), divergence: divergence.sum(), means: model.encode(x, labelsFor(model, batch)).mean };
    },
    { device },
  );
  return async (pictures: Pictures): Promise<VaeFigures> => {
    const totals = { reconstruction: 0, divergence: 0 };
    const [sums, squares] = [new Float64Array(model.latent), new Float64Array(model.latent)];
    for (const some of inParts(pictures, judgedAtOnce)) {
      const { reconstruction, divergence, means } = await judge(batchOf(some));
      totals.reconstruction += (await reconstruction.item()) as number;
      totals.divergence += (await divergence.item()) as number;
      const values = (await means.data()) as Float32Array;
      values.forEach((value, i) => {
        const unit = i % model.latent;
        sums[unit] = (sums[unit] as number) + value;
        squares[unit] = (squares[unit] as number) + value * value;
      });
    }
    const variances = Array.from(sums, (sum, unit) => (squares[unit] as number) / pictures.count - (sum / pictures.count) ** 2);
    const reconstruction = totals.reconstruction / pictures.count;
    const divergence = totals.divergence / pictures.count;
    const activeUnits = variances.filter((variance) => variance > activeVariance).length;
    return { negativeElbo: reconstruction + divergence, reconstruction, divergence, activeUnits };
  };
}

/**
 * The mean log likelihood of pictures in nats, estimated by importance sampling from the posterior (Burda et al. 2015, section 2.2). The
 * estimate is below the true value, the less the more samples there are.
 * @param samples draws for each picture
 * @param onPictures told how many pictures are done, and their mean
 */
export async function logLikelihood(
  model: models.VariationalAutoencoder,
  pictures: Pictures,
  samples: number,
  binarization: Binarization,
  device: Device,
  onPictures: (done: number, mean: number) => void,
): Promise<number> {
  const together = Math.min(samples, 100);
  const inputs = compile((batch: Batch) => inputOf(batch, binarization), { device });
  const bound = compile(
    (x: Tensor, labels: Tensor, draws: number) => model.importanceBound(x, draws, model.classes > 0 ? labels : undefined),
    {
      device,
    },
  );
  let [total, counted] = [0, 0];
  for (const some of inParts(pictures, Math.max(1, Math.floor(rowsAtOnce / together)))) {
    const batch = batchOf(some);
    // The same bits for all draws.
    const x = await inputs(batch);
    const most = new Float64Array(some.count).fill(Number.NEGATIVE_INFINITY);
    const sums = new Float64Array(some.count);
    for (let done = 0; done < samples; done += together) {
      const draws = Math.min(together, samples - done);
      const bounds = (await (await bound(x, batch.labels, draws)).data()) as Float32Array;
      bounds.forEach((value, i) => {
        const term = value + Math.log(draws);
        const highest = Math.max(most[i] as number, term);
        sums[i] = (sums[i] as number) * Math.exp((most[i] as number) - highest) + Math.exp(term - highest);
        most[i] = highest;
      });
    }
    most.forEach((highest, i) => {
      total += highest + Math.log((sums[i] as number) / samples);
    });
    counted += some.count;
    onPictures(counted, total / counted);
  }
  return total / pictures.count;
}

/** The pictures of a report as PNG files, by name: pictures and what they are taken for, samples, ways between two pictures, the manifold. */
export async function drawAll(
  model: models.VariationalAutoencoder,
  pictures: Pictures,
  device: Device,
): Promise<Record<string, Uint8Array>> {
  const { height, width } = pictures;
  const size = height * width;
  const isConditional = model.classes > 0;
  const decode = compile((z: Tensor, labels: Tensor) => model.decode(z, isConditional ? labels : undefined).sigmoid(), { device });
  const encode = compile((batch: Batch) => model.encode(inputOf(batch, "none"), labelsFor(model, batch)).mean, { device });
  const drawn = async (z: Tensor, labels: Int32Array<ArrayBuffer>, columns: number): Promise<number[][][]> => {
    const all = rowsOf((await (await decode(z, labels)).data()) as Float32Array, size);
    return Array.from({ length: all.length / columns }, (_, row) => all.slice(row * columns, (row + 1) * columns));
  };
  const grid = (rows: readonly (readonly ArrayLike<number>[])[]) => drawPictureGrid({ height, width, rows });
  const result: Record<string, Uint8Array> = {};

  // Samples from the prior; of a conditional model a row for each class.
  const sampled = random.normal([100, model.latent]);
  const ofRows = Int32Array.from({ length: 100 }, (_, i) => Math.floor(i / 10));
  result.samples = grid(await drawn(sampled, ofRows, 10));

  // The first picture of each class over what it is taken for.
  const firsts = Array.from({ length: 10 }, (_, label) => Math.max(0, pictures.labels.indexOf(label)));
  const shown = picturesAt(pictures, firsts);
  const means = (await encode(batchOf(shown))) as Tensor;
  const originals = rowsOf(
    Array.from(shown.pixels, (value) => value / 255),
    size,
  );
  result.reconstructions = grid([originals, ...(await drawn(means, Int32Array.from(shown.labels), 10))]);

  // In equal steps from the picture of one class to that of the next.
  const codes = rowsOf((await means.data()) as Float32Array, model.latent);
  const ways = codes.flatMap((from, label) => {
    const to = codes[(label + 1) % codes.length] as number[];
    return Array.from({ length: 10 }, (_, i) => from.map((value, unit) => value + (i / 9) * ((to[unit] as number) - value)));
  });
  result.interpolations = grid(await drawn(tensor(ways), ofRows, 10));

  if (model.latent === 2) {
    // Equal shares of the prior between neighbours (Kingma and Welling 2014, figure 4).
    const side = 20;
    const quantiles = Array.from({ length: side }, (_, i) => normalQuantile((i + 0.5) / side));
    const points = quantiles.flatMap((y) => quantiles.map((x) => [x, -y]));
    result.manifold = grid(await drawn(tensor(points), new Int32Array(side * side), side));
  }
  return result;
}

/** The point below which a standard normal variable lies with the given probability, by bisection of its distribution. */
function normalQuantile(probability: number): number {
  let [low, high] = [-8, 8];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (normalDistribution(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** By Simpson's rule from 0. */
function normalDistribution(x: number): number {
  const steps = 200;
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  const step = x / steps;
  let sum = density(0) + density(x);
  for (let i = 1; i < steps; i++) sum += density(i * step) * (i % 2 === 1 ? 4 : 2);
  return 0.5 + (sum * step) / 3;
}
