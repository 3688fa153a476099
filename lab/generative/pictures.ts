import { check } from "kasane";
import { datasets } from "kasane/node";
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

/** The size of the pictures of MNIST and Fashion-MNIST. */
export const pictureSize = { height: 28, width: 28 } as const;

/** Which pictures `--images` names. */
export const pictureSets = { mnist: datasets.mnist, fashion: datasets.fashionMnist } as const;

/**
 * The pictures to train on, and those to judge by: the test pictures, or where `heldOut` is above 0 so many of the last training pictures in
 * their place, which are then not trained on.
 */
export async function readPictures(
  context: PredictContext,
  set: keyof typeof pictureSets,
  heldOut: number,
): Promise<{ train: Pictures; test: Pictures }> {
  const parts = datasets.readMnist(await context.dataset(pictureSets[set]));
  const [train, test] = await Promise.all([picturesOf(parts.train), picturesOf(parts.test)]);
  if (heldOut === 0) return { train, test };
  check(heldOut < train.count, () => `--held-out ${heldOut}: there are ${train.count} training pictures`);
  return { train: part(train, 0, train.count - heldOut), test: part(train, train.count - heldOut, train.count) };
}

async function picturesOf({ images, labels }: datasets.LabelledImages): Promise<Pictures> {
  const [count, height, width] = images.shape as [number, number, number];
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
