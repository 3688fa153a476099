import { data } from "kasane";
import { preparing } from "./augmentedAhead.js";
import { nothing } from "./roadScenes.js";

export const { url } = import.meta;

/** Scenes nearer and farther, mirrored, in other light, of the size that they have. */
export const prepare = preparing(([height, width]: readonly [number, number]) =>
  data.augment.compose(
    data.augment.randomHorizontalFlip(),
    data.augment.randomAffine({
      scale: [0.8, 1.6],
      degrees: 4,
      translate: [0.1, 0.1],
      interpolation: "bilinear",
      fill: 128,
      maskFill: nothing,
    }),
    data.augment.randomCrop([height, width], { fill: 128, maskFill: nothing }),
    data.augment.colorJitter({ brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.03 }),
  ),
);
