import { check } from "../../graph/error.js";
import { checkOptions } from "../../graph/options.js";
import { affine, checkInterpolation, type InterpolationOptions } from "./affine.js";
import {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  adjustSharpness,
  autocontrast,
  equalize,
  posterize,
  solarize,
} from "./colours.js";
import { movementOptions } from "./movement.js";
import type { Picture, Sample, Transform } from "./sample.js";

/** Settings of {@link randAugment}. */
export interface RandAugmentOptions extends InterpolationOptions {
  /** How many operations follow each other, by default 2. */
  readonly operations?: number;
  /** How strong they are, 0 to 30, by default 9. */
  readonly magnitude?: number;
}

/** A magnitude of 30, of all operations. */
const largestMagnitude = 30;

/** What an operation does with a strength from 0 to 1, and whether its sign is drawn too. */
interface Operation {
  readonly signed?: boolean;
  apply<S extends Sample>(sample: S, strength: number, options: InterpolationOptions): S;
}

const recoloured = (change: (picture: Picture, strength: number) => Picture, signed = false): Operation => ({
  signed,
  apply: (sample, strength) => ({ ...sample, picture: change(sample.picture, strength) }),
});

const degrees = (slope: number) => (Math.atan(slope) * 180) / Math.PI;

/** The largest shift, in shares of the side (Cubuk et al. 2019, AutoAugment, table 6: 150 of 331 pixels). */
const largestShift = 150 / 331;

/** The operations and what the largest magnitude means to each: those of torchvision. */
const operationsOf: readonly Operation[] = [
  { apply: (sample) => sample },
  {
    signed: true,
    apply: (sample, strength, options) => affine(sample, { ...options, shear: [degrees(0.3 * strength), 0], center: [0, 0] }),
  },
  {
    signed: true,
    apply: (sample, strength, options) => affine(sample, { ...options, shear: [0, degrees(0.3 * strength)], center: [0, 0] }),
  },
  {
    signed: true,
    apply: (sample, strength, options) =>
      affine(sample, { ...options, translate: [Math.trunc(largestShift * strength * sample.picture.width), 0] }),
  },
  {
    signed: true,
    apply: (sample, strength, options) =>
      affine(sample, { ...options, translate: [0, Math.trunc(largestShift * strength * sample.picture.height)] }),
  },
  { signed: true, apply: (sample, strength, options) => affine(sample, { ...options, angle: -30 * strength }) },
  recoloured((picture, strength) => adjustBrightness(picture, 1 + 0.9 * strength), true),
  recoloured((picture, strength) => adjustSaturation(picture, 1 + 0.9 * strength), true),
  recoloured((picture, strength) => adjustContrast(picture, 1 + 0.9 * strength), true),
  recoloured((picture, strength) => adjustSharpness(picture, 1 + 0.9 * strength), true),
  recoloured((picture, strength) => posterize(picture, Math.round(8 - 4 * strength))),
  recoloured((picture, strength) => solarize(picture, 255 * (1 - strength))),
  recoloured(autocontrast),
  recoloured(equalize),
];

/**
 * Some operations at random, all of one magnitude (Cubuk et al. 2020, RandAugment): shears, shifts and turns, which boxes and the mask follow,
 * and changes of brightness, saturation, contrast, sharpness and levels.
 */
export function randAugment(options: RandAugmentOptions = {}): Transform {
  checkOptions<RandAugmentOptions>("randAugment", options, {
    ...movementOptions,
    interpolation: "optional",
    operations: "optional",
    magnitude: "optional",
  });
  const { operations = 2, magnitude = 9, ...movement } = options;
  checkInterpolation("randAugment", movement);
  check(Number.isInteger(operations) && operations >= 0, () => `randAugment: got ${operations} operations, expected an integer from 0`);
  check(
    magnitude >= 0 && magnitude <= largestMagnitude,
    () => `randAugment: got magnitude ${magnitude}, expected 0 to ${largestMagnitude}`,
  );
  return (sample, random) => {
    let made = sample;
    for (let i = 0; i < operations; i++) {
      const { signed, apply } = operationsOf[random.integer(operationsOf.length)] as Operation;
      const sign = signed && random.uniform() < 0.5 ? -1 : 1;
      made = apply(made, (sign * magnitude) / largestMagnitude, movement);
    }
    return made;
  };
}
