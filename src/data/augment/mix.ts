import { check } from "../../graph/error.js";
import { checkNumbers } from "../../graph/numbers.js";
import { checkOptions } from "../../graph/options.js";
import { sameShape, showShape } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { add, mul, sub } from "../../ops/arithmetic.js";
import { checkTensors } from "../../ops/constants.js";
import { type CrossEntropyOptions, crossEntropy } from "../../ops/loss.js";
import { mean } from "../../ops/reduce.js";
import { RandomGenerator } from "../../random/generator.js";
import { checkSample, type Picture, type Sample } from "./sample.js";

/** Pictures each made of two, with the class of both. */
export interface MixedBatch {
  readonly pictures: readonly Picture[];
  /** The class of each picture, and that of the picture mixed in. */
  readonly labels: Int32Array<ArrayBuffer>;
  readonly otherLabels: Int32Array<ArrayBuffer>;
  /** What the first class counts, 0 to 1; the other counts the rest. */
  readonly weights: Float32Array<ArrayBuffer>;
}

/** Mixes the pictures of a batch, which are of one size. */
export type BatchTransform = (samples: readonly (Sample & { readonly label: number })[], random: RandomGenerator) => MixedBatch;

/** Settings of {@link mixup} and {@link cutmix}. */
export interface MixOptions {
  /** The share of the first picture follows a beta distribution of `alpha` and `alpha`, by default 1: all shares are as probable. */
  readonly alpha?: number;
}

/** The random numbers of a batch in one epoch, apart from those of examples ({@link randomOf}). */
export function batchRandomOf(seed: number, epoch: number, batch: number): RandomGenerator {
  check(
    [epoch, batch].every((each) => Number.isInteger(each) && each >= 0 && each < 2 ** 31),
    () => `batchRandomOf: got epoch ${epoch} and batch ${batch}, expected integers from 0 to 2^31 - 1`,
  );
  return new RandomGenerator(undefined, seed, ~batch, ~epoch);
}

/** Pairs each sample with the next of the batch, the last with the first; `mix` gives the picture and the weight of the first. */
function mixing(
  owner: string,
  { alpha = 1 }: MixOptions,
  mixer: (
    share: number,
    size: Picture,
    random: RandomGenerator,
  ) => { mix(first: Uint8Array, other: Uint8Array): Uint8Array; weight: number },
): BatchTransform {
  checkNumbers(owner, { alpha });
  check(alpha > 0, () => `${owner}: got alpha ${alpha}, expected a number above 0`);
  return (samples, random) => {
    const [first] = samples;
    check(first !== undefined, () => `${owner}: got no samples`);
    const { channels, height, width } = first.picture;
    const { mix, weight } = mixer(betaOf(random, alpha), first.picture, random);
    const otherOf = (i: number) => samples[(i + 1) % samples.length] as Sample & { readonly label: number };
    const pictures = samples.map((sample, i) => {
      checkSample(owner, sample);
      check(Number.isInteger(sample.label), () => `${owner}: got label ${sample.label} of sample ${i}, expected the index of a class`);
      const { picture } = sample;
      check(
        picture.channels === channels && picture.height === height && picture.width === width,
        () =>
          `${owner}: picture ${i} is [${picture.channels}, ${picture.height}, ${picture.width}], picture 0 [${channels}, ${height}, ${width}]`,
      );
      return { ...picture, pixels: mix(picture.pixels, otherOf(i).picture.pixels) };
    });
    return {
      pictures,
      labels: Int32Array.from(samples, ({ label }) => label),
      otherLabels: Int32Array.from(samples, (_, i) => otherOf(i).label),
      weights: new Float32Array(samples.length).fill(weight),
    };
  };
}

/** Means of two pictures, all of a batch with one share (Zhang et al. 2018, mixup, equation 1). */
export function mixup(options: MixOptions = {}): BatchTransform {
  checkOptions("mixup", options, { alpha: "optional" });
  return mixing("mixup", options, (share) => ({
    weight: share,
    mix: (first, other) => first.map((value, i) => Math.round(share * value + (1 - share) * (other[i] as number))),
  }));
}

/** A rectangle of one picture pasted into another, all of a batch at one place (Yun et al. 2019, CutMix, algorithm 1). */
export function cutmix(options: MixOptions = {}): BatchTransform {
  checkOptions("cutmix", options, { alpha: "optional" });
  return mixing("cutmix", options, (share, { channels, height, width }, random) => {
    const part = Math.sqrt(1 - share) / 2;
    // The rectangle's centre is anywhere in the picture; what reaches beyond is cut off, and the weight is of what is left.
    const [x, y] = [random.integer(width), random.integer(height)];
    const [left, right] = [Math.max(Math.trunc(x - part * width), 0), Math.min(Math.trunc(x + part * width), width)];
    const [top, bottom] = [Math.max(Math.trunc(y - part * height), 0), Math.min(Math.trunc(y + part * height), height)];
    return {
      weight: 1 - ((right - left) * (bottom - top)) / (height * width),
      mix(first, other) {
        const pixels = first.slice();
        for (let row = 0; row < channels * height; row++) {
          const isIn = row % height >= top && row % height < bottom;
          if (isIn) pixels.set(other.subarray(row * width + left, row * width + right), row * width + left);
        }
        return pixels;
      },
    };
  });
}

/**
 * The cross entropy of pictures that were mixed: of each, that of its first class times its weight and that of its other class times the rest.
 * @param logits `[pictures, classes]`
 * @param mixed integer `labels` and `otherLabels` `[pictures]`, and `weights` `[pictures]`
 * @returns the mean, a scalar
 */
export function mixedCrossEntropy(
  logits: Tensor,
  mixed: { readonly labels: Tensor; readonly otherLabels: Tensor; readonly weights: Tensor },
  options: Pick<CrossEntropyOptions, "labelSmoothing"> = {},
): Tensor {
  checkOptions("mixedCrossEntropy", options, { labelSmoothing: "optional" });
  checkTensors("mixedCrossEntropy", mixed.labels, mixed.weights);
  check(
    sameShape(mixed.weights.shape, mixed.labels.shape),
    () => `mixedCrossEntropy: weights ${showShape(mixed.weights.shape)}, expected one for each label, ${showShape(mixed.labels.shape)}`,
  );
  const lossOf = (labels: Tensor) => crossEntropy(logits, labels, { ...options, reduction: "none" });
  return mean(add(mul(lossOf(mixed.labels), mixed.weights), mul(lossOf(mixed.otherLabels), sub(1, mixed.weights))));
}

/** A number of the beta distribution of `alpha` and `alpha`, of two of the gamma distribution; logarithms keep small `alpha` from 0 / 0. */
function betaOf(random: RandomGenerator, alpha: number): number {
  const [a, b] = [logGammaOf(random, alpha), logGammaOf(random, alpha)];
  return 1 / (1 + Math.exp(b - a));
}

/** The logarithm of a number of the gamma distribution (Marsaglia and Tsang 2000, A simple method for generating gamma variables). */
function logGammaOf(random: RandomGenerator, alpha: number): number {
  if (alpha < 1) return logGammaOf(random, alpha + 1) + Math.log(1 - random.uniform()) / alpha;
  const d = alpha - 1 / 3;
  for (;;) {
    const x = random.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < x ** 2 / 2 + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}
