import { check } from "../../graph/error.js";
import { checkOptions } from "../../graph/options.js";
import { checkRange, drawRectangle } from "./rectangle.js";
import { checkProbability, checkSample, type Transform } from "./sample.js";

/** Settings of {@link randomErasing}. */
export interface ErasingOptions {
  /** By default 0.5. */
  readonly probability?: number;
  /** The least and the largest share of the picture that is erased, by default 0.02 to 0.33. */
  readonly scale?: readonly [least: number, most: number];
  /** The least and the largest ratio of width to height, by default 0.3 to 3.3. */
  readonly ratio?: readonly [least: number, most: number];
  /** What stands in its place: a value from 0 to 255, by default 0; one for each channel; or random bytes. */
  readonly value?: number | readonly number[] | "random";
}

/** Erases a rectangle at random (Zhong et al. 2020, Random erasing data augmentation, algorithm 1). Boxes and the mask stay. */
export function randomErasing(options: ErasingOptions = {}): Transform {
  checkOptions("randomErasing", options, { probability: "optional", scale: "optional", ratio: "optional", value: "optional" });
  const { probability = 0.5, scale = [0.02, 0.33], ratio = [0.3, 3.3], value = 0 } = options;
  checkProbability("randomErasing", probability);
  checkRange("randomErasing", "scale", scale, 1);
  checkRange("randomErasing", "ratio", ratio);
  const values = value === "random" || Array.isArray(value) ? value : [value];
  if (values !== "random") {
    for (const each of values) {
      const isByte = Number.isInteger(each) && each >= 0 && each <= 255;
      check(isByte, () => `randomErasing: got value ${each}, expected an integer from 0 to 255, or "random"`);
    }
  }
  return (sample, random) => {
    checkSample("randomErasing", sample);
    const { picture } = sample;
    const { channels, height, width } = picture;
    check(
      values === "random" || values.length === 1 || values.length === channels,
      () => `randomErasing: got ${values.length} values, expected one, or one for each of ${channels} channels`,
    );
    if (random.uniform() >= probability) return sample;
    const rectangle = drawRectangle(random, picture, { scale, ratio });
    if (!rectangle) return sample;
    const pixels = picture.pixels.slice();
    for (let channel = 0; channel < channels; channel++) {
      for (let y = rectangle.top; y < rectangle.top + rectangle.height; y++) {
        const start = (channel * height + y) * width + rectangle.left;
        if (values !== "random") pixels.fill(values[channel % values.length] as number, start, start + rectangle.width);
        else for (let x = start; x < start + rectangle.width; x++) pixels[x] = random.integer(256);
      }
    }
    return { ...sample, picture: { ...picture, pixels } };
  };
}
