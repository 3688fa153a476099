import { check } from "../../graph/error.js";
import { RandomGenerator } from "../../random/generator.js";

/** An image of bytes, one channel after the other: PyTorch's order. */
export interface Picture {
  /** `[channels, height, width]`, in rows */
  readonly pixels: Uint8Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** An object of a picture: `box` is `[x1, y1, x2, y2]` in pixels from the upper left corner. Further fields stay as they are. */
export interface LabelledBox {
  readonly box: readonly [x1: number, y1: number, x2: number, y2: number];
  readonly class: number;
}

/** A picture with what is known about it. Further fields, such as a label, stay as they are. */
export interface Sample {
  readonly picture: Picture;
  readonly boxes?: readonly LabelledBox[];
  /** The class of each pixel, `[height, width]`. */
  readonly mask?: Uint8Array;
}

/** Makes one sample of another. What it draws comes from `random` alone; the sample that it is given stays as it is. */
export type Transform = <S extends Sample>(sample: S, random: RandomGenerator) => S;

/**
 * The random numbers of one example in one epoch. They follow from the three numbers alone, so a resumed training goes on to the bit, and
 * examples can be transformed in any order and by any number of threads.
 */
export function randomOf(seed: number, epoch: number, index: number): RandomGenerator {
  check(
    [epoch, index].every((each) => Number.isInteger(each) && each >= 0 && each < 2 ** 31),
    () => `randomOf: got epoch ${epoch} and index ${index}, expected integers from 0 to 2^31 - 1`,
  );
  // Counters from 2^31 are those of no shuffle.
  return new RandomGenerator(undefined, seed, index, ~epoch);
}

/** Throws unless `probability` is one. */
export function checkProbability(owner: string, probability: number): void {
  check(probability >= 0 && probability <= 1, () => `${owner}: got probability ${probability}, expected 0 to 1`);
}

/** Throws unless pixels and mask are as many as the sample's sizes say. */
export function checkSample(owner: string, { picture, mask }: Sample): void {
  const { pixels, channels, height, width } = picture;
  check(
    pixels.length === channels * height * width,
    () => `${owner}: got ${pixels.length} pixels for [channels, height, width] [${channels}, ${height}, ${width}]`,
  );
  check(
    mask === undefined || mask.length === height * width,
    () => `${owner}: got a mask of ${mask?.length} pixels for a picture of ${height} x ${width}`,
  );
}

/** One transform after the other. */
export function compose(...transforms: readonly Transform[]): Transform {
  return (sample, random) => transforms.reduce((made, transform) => transform(made, random), sample);
}

/** Applies `transform` with the given probability. */
export function randomApply(transform: Transform, probability: number): Transform {
  checkProbability("randomApply", probability);
  return (sample, random) => (random.uniform() < probability ? transform(sample, random) : sample);
}
