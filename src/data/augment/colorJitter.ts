import { check } from "../../graph/error.js";
import { checkOptions } from "../../graph/options.js";
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation } from "./colours.js";
import type { Picture, Transform } from "./sample.js";

/** A number `d` stands for factors from `1 - d`, at least 0, to `1 + d`. */
type Factors = number | readonly [least: number, most: number];

/** Settings of {@link colorJitter}. Those not given leave the picture as it is. */
export interface JitterOptions {
  readonly brightness?: Factors;
  readonly contrast?: Factors;
  readonly saturation?: Factors;
  /** Shares of the circle of hues, -0.5 to 0.5; a number `d` stands for `-d` to `d`. */
  readonly hue?: number | readonly [least: number, most: number];
}

const adjustments: Readonly<Record<keyof JitterOptions, (picture: Picture, by: number) => Picture>> = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
};

/** Changes brightness, contrast, saturation and hue at random and in random order, as torchvision's `ColorJitter`. */
export function colorJitter(options: JitterOptions): Transform {
  const names = { brightness: "optional", contrast: "optional", saturation: "optional", hue: "optional" } as const;
  checkOptions<JitterOptions>("colorJitter", options, names);
  const jitters = (Object.keys(names) as (keyof JitterOptions)[]).flatMap((name) => {
    const spread = options[name];
    if (spread === undefined) return [];
    const centre = name === "hue" ? 0 : 1;
    const lowest = name === "hue" ? -0.5 : 0;
    const [least, most] = typeof spread === "number" ? [Math.max(centre - spread, lowest), centre + spread] : spread;
    const highest = name === "hue" ? 0.5 : Number.MAX_VALUE;
    check(
      least >= lowest && least <= most && most <= highest && !(typeof spread === "number" && spread < 0),
      () =>
        `colorJitter: got ${name} ${JSON.stringify(spread)}, expected a number from 0${name === "hue" ? " to 0.5" : ""}, or [least, most]`,
    );
    return [{ adjust: adjustments[name], least, most }];
  });
  return (sample, random) => {
    const left = [...jitters];
    let { picture } = sample;
    while (left.length > 0) {
      for (const { adjust, least, most } of left.splice(random.integer(left.length), 1))
        picture = adjust(picture, least + (most - least) * random.uniform());
    }
    return { ...sample, picture };
  };
}
