import { join } from "node:path";
import { check } from "kasane";
import { datasets, files } from "kasane/node";
import { z } from "zod";
import type { PredictContext } from "../context.js";

/** Grey images as rows of pixels. */
export interface Pictures {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** `count * height * width` bytes, 0 black to 255 white. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** One a picture. */
  readonly labels: Uint8Array<ArrayBuffer>;
}

/** The most bytes that a file of pictures may have. */
const mostBytes = 2 ** 28;

/** The size of the pictures of MNIST and Fashion-MNIST. */
export const pictureSize = { height: 28, width: 28 } as const;

const known = { mnist: datasets.mnist, fashion: datasets.fashionMnist } as const;

/** `--images`: MNIST, Fashion-MNIST or others in the same form, such as KMNIST. */
export const images = () =>
  z
    .string()
    .min(1)
    .describe("mnist, fashion, or a folder of files named as MNIST's (train-images-idx3-ubyte and so on, .gz or not), 28x28 pixels");

/**
 * The pictures to train on, and those to judge by: the test pictures, or where `heldOut` is above 0 so many of the last training pictures in
 * their place, which are then not trained on.
 * @param source as {@link images} describes it
 */
export async function readPictures(context: PredictContext, source: string, heldOut: number): Promise<{ train: Pictures; test: Pictures }> {
  const files = Object.hasOwn(known, source) ? await context.dataset(known[source as keyof typeof known]) : filesIn(source);
  const parts = datasets.readMnist(files);
  const [train, test] = await Promise.all([picturesOf(parts.train), picturesOf(parts.test)]);
  if (heldOut === 0) return { train, test };
  check(heldOut < train.count, () => `--held-out ${heldOut}: there are ${train.count} training pictures`);
  return { train: part(train, 0, train.count - heldOut), test: part(train, train.count - heldOut, train.count) };
}

/** The files of a folder that have the names of MNIST's. */
function filesIn(folder: string): Map<string, Uint8Array> {
  const names = Object.keys(datasets.mnist.files);
  const found = names.flatMap((name) => {
    const bytes = files.readIfThere(join(folder, name), mostBytes) ?? files.readIfThere(join(folder, `${name}.gz`), mostBytes);
    return bytes ? [[name, bytes] as const] : [];
  });
  const missing = names.filter((name) => !found.some(([there]) => there === name));
  check(missing.length === 0, () => `--images ${folder}: expected mnist, fashion or a folder; it lacks ${missing.join(", ")}`);
  return new Map(found);
}

async function picturesOf({ images, labels }: datasets.LabelledImages): Promise<Pictures> {
  const [count, height, width] = images.shape as [number, number, number];
  check(
    height === pictureSize.height && width === pictureSize.width && count > 0,
    () => `--images: got ${count} pictures of ${height}x${width} pixels, expected some of ${pictureSize.height}x${pictureSize.width}`,
  );
  return {
    count,
    height,
    width,
    pixels: (await images.data()) as Uint8Array<ArrayBuffer>,
    labels: (await labels.data()) as Uint8Array<ArrayBuffer>,
  };
}

/** The pictures from index `start` up to `end`. */
export function part({ height, width, pixels, labels }: Pictures, start: number, end: number): Pictures {
  const size = height * width;
  return { count: end - start, height, width, pixels: pixels.subarray(start * size, end * size), labels: labels.subarray(start, end) };
}

/** All pictures in parts of `size`, the last of which may be smaller. */
export function* inParts(pictures: Pictures, size: number): Generator<Pictures> {
  for (let start = 0; start < pictures.count; start += size) yield part(pictures, start, Math.min(start + size, pictures.count));
}

/** The pictures at the given indices. */
export function picturesAt({ height, width, pixels, labels }: Pictures, places: ArrayLike<number>): Pictures {
  const size = height * width;
  const chosen = Array.from(places);
  const result = {
    count: chosen.length,
    height,
    width,
    pixels: new Uint8Array(chosen.length * size),
    labels: new Uint8Array(chosen.length),
  };
  chosen.forEach((place, row) => {
    result.pixels.set(pixels.subarray(place * size, (place + 1) * size), row * size);
    result.labels[row] = labels[place] as number;
  });
  return result;
}
