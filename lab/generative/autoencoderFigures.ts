import { compile, type Device, models, random, type Tensor, tensor } from "kasane";
import { files } from "kasane/node";
import type { Context } from "../context.js";
import { drawPictureGrid, rowsOf } from "../plot/pictureGrid.js";
import { drawScatter } from "../plot/scatter.js";
import { inParts, type Pictures, part, pictureSize } from "./pictures.js";
import { type PrincipalComponents, principalComponents } from "./principalComponents.js";

export const { height, width } = pictureSize;
export const pixels = height * width;

/** What encodes and decodes. */
export type NetworkKind = "dense" | "convolutional";

export type Network = models.DenseAutoencoder | models.ConvolutionalAutoencoder;

export const networkOf = (kind: NetworkKind, code: number): Network =>
  kind === "dense"
    ? new models.DenseAutoencoder(pixels, { hidden: [512, 256], code })
    : new models.ConvolutionalAutoencoder(height, width, { channels: [16, 32], code });

/** What a network is given: pixels from 0 to 1, `[batch, 784]`, or as images. */
export const inputOf = (kind: NetworkKind, grey: Tensor): Tensor => (kind === "dense" ? grey : grey.reshape([-1, 1, height, width]));

/** Grey pictures as the network makes them again, `[batch, 784]` from 0 to 1. */
export const remade = (kind: NetworkKind, model: Network, grey: Tensor): Tensor =>
  model.forward(inputOf(kind, grey)).sigmoid().reshape([-1, pixels]);

export const greyOf = (bytes: Tensor): Tensor => bytes.cast("float32").div(255);

export const bytesOf = ({ count, pixels: values }: Pictures): Tensor => tensor(values, { shape: [count, pixels] });

/** Noise of a deviation added to pictures; what leaves the range from black to white is cut off. */
export const noisy = (grey: Tensor, deviation: number): Tensor => grey.add(random.normal(grey.shape, 0, deviation)).clip(0, 1);

/** Pictures that figures are computed from at once. */
const atOnce = 1000;

/** The mean squared error a pixel of each picture as the network makes it again. */
export async function errorsOf(kind: NetworkKind, model: Network, pictures: Pictures, device: Device): Promise<number[]> {
  const judge = compile(
    (bytes: Tensor) => {
      const grey = greyOf(bytes);
      return remade(kind, model, grey).sub(grey).square().mean({ axis: 1 });
    },
    { device },
  );
  const errors: number[] = [];
  for (const some of inParts(pictures, atOnce)) errors.push(...((await (await judge(bytesOf(some))).data()) as Float32Array));
  return errors;
}

/** The mean peak signal to noise ratio in decibels of noisy pictures, and of what the network makes of them. */
export async function ratiosOf(kind: NetworkKind, model: Network, pictures: Pictures, deviation: number, device: Device) {
  const judge = compile(
    (bytes: Tensor) => {
      const grey = greyOf(bytes);
      const shown = noisy(grey, deviation);
      const ratio = (x: Tensor) =>
        x
          .sub(grey)
          .square()
          .mean({ axis: 1 })
          .log()
          .mul(-10 / Math.LN10)
          .sum();
      const cleaned = remade(kind, model, shown);
      return { before: ratio(shown), after: ratio(cleaned), shown, cleaned };
    },
    { device },
  );
  let [before, after] = [0, 0];
  const rows: number[][][] = [];
  for (const some of inParts(pictures, atOnce)) {
    const result = await judge(bytesOf(some));
    before += (await result.before.item()) as number;
    after += (await result.after.item()) as number;
    if (rows.length > 0) continue;
    for (const values of [greyOf(bytesOf(some)), result.shown, result.cleaned]) {
      rows.push(rowsOf((await values.data()) as Float32Array, pixels).slice(0, shownPictures));
    }
  }
  return { before: before / pictures.count, after: after / pictures.count, picture: drawPictureGrid({ height, width, rows }) };
}

/** Pictures in a row of a report. */
const shownPictures = 12;

/** The mean of pictures, and the directions in which they vary most. */
interface Linear extends PrincipalComponents {
  readonly mean: Float64Array;
}

export async function componentsOf(pictures: Pictures, count: number, device: Device): Promise<Linear> {
  const sums = compile(
    (bytes: Tensor) => {
      const grey = greyOf(bytes);
      return { sum: grey.sum({ axis: 0 }), products: grey.transpose().matmul(grey) };
    },
    { device },
  );
  const average = new Float64Array(pixels);
  const covariance = new Float64Array(pixels * pixels);
  for (const some of inParts(pictures, atOnce)) {
    const { sum, products } = await sums(bytesOf(some));
    ((await sum.data()) as Float32Array).forEach((value, i) => {
      average[i] = (average[i] as number) + value / pictures.count;
    });
    ((await products.data()) as Float32Array).forEach((value, i) => {
      covariance[i] = (covariance[i] as number) + value / pictures.count;
    });
  }
  covariance.forEach((value, i) => {
    covariance[i] = value - (average[Math.floor(i / pixels)] as number) * (average[i % pixels] as number);
  });
  return { mean: average, ...principalComponents(covariance, pixels, Math.min(count, pixels)) };
}

/** The mean squared error a pixel of pictures made again from their first principal components. */
export async function linearError({ mean: average, directions }: Linear, count: number, pictures: Pictures): Promise<number> {
  const basis = tensor(directions.slice(0, count).map((direction) => Array.from(direction)));
  const centre = tensor(Array.from(average));
  const judge = compile((bytes: Tensor) => {
    const centred = greyOf(bytes).sub(centre);
    const left = centred.sub(centred.matmul(basis.transpose()).matmul(basis));
    return left.square().mean({ axis: 1 }).sum();
  });
  let total = 0;
  for (const some of inParts(pictures, atOnce)) total += (await (await judge(bytesOf(some))).item()) as number;
  return total / pictures.count;
}

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Pictures over what a network makes of them. */
export async function drawReconstructions(context: Context, kind: NetworkKind, model: Network, pictures: Pictures, code: number) {
  const some = part(pictures, 0, Math.min(shownPictures, pictures.count));
  const grey = greyOf(bytesOf(some));
  const rows: number[][][] = [];
  for (const values of [grey, remade(kind, model, grey)]) rows.push(rowsOf((await values.data()) as Float32Array, pixels));
  await files.writeAtomically(context.folder.file(`reconstructions-${code}.png`), drawPictureGrid({ height, width, rows }));
}

/** Digits that the plane of codes shows. */
const pointsShown = 1000;

export async function drawPlane(context: Context, kind: NetworkKind, model: Network, pictures: Pictures): Promise<void> {
  const some = part(pictures, 0, Math.min(pointsShown, pictures.count));
  const codes = rowsOf((await model.encode(inputOf(kind, greyOf(bytesOf(some)))).data()) as Float32Array, 2);
  const points = codes.map(([x = 0, y = 0], i) => ({ x, y, label: String(some.labels[i]), group: some.labels[i] as number }));
  await files.writeAtomically(
    context.folder.file("plane.svg"),
    drawScatter("Codes of two numbers of test pictures, each drawn as its label", points),
  );
}
