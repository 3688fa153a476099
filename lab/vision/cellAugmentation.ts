import { data } from "kasane";
import { preparing } from "./augmentedAhead.js";

export const { url } = import.meta;

/** About the mean of a picture's background: what lies outside. */
const outside = 200;

/** All eight symmetries, other sizes and other light, cut to `crop` x `crop` pixels. */
export const prepare = preparing((crop: number) =>
  data.augment.compose(
    data.augment.dihedral(),
    data.augment.randomAffine({ scale: [0.8, 1.25], interpolation: "bilinear", fill: outside, leastVisible: 0.25 }),
    data.augment.randomCrop(crop, { fill: outside, leastVisible: 0.25 }),
    data.augment.colorJitter({ brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.02 }),
  ),
);
