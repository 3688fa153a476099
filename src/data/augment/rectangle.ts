import { check } from "../../graph/error.js";
import type { RandomGenerator } from "../../random/generator.js";
import type { Picture } from "./sample.js";

/** A part of a picture, in pixels. */
export interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** How often a rectangle is drawn until one lies in the picture, as in torchvision. */
const attempts = 10;

/** Throws unless `range` is a least and a largest number above 0, at most `most`. */
export function checkRange(owner: string, name: string, range: readonly [number, number], most = Number.MAX_VALUE): void {
  const [from, to] = range;
  check(
    range.length === 2 && from > 0 && from <= to && to <= most,
    () => `${owner}: got ${name} [${range.join(", ")}], expected [least, most] above 0${most === 1 ? " and at most 1" : ""}`,
  );
}

/**
 * A rectangle at random that lies in the picture: its share of the area is uniform, and so is the logarithm of its ratio of width to height.
 * Undefined where none was found.
 */
export function drawRectangle(
  random: RandomGenerator,
  { height, width }: Picture,
  { scale, ratio }: { readonly scale: readonly [number, number]; readonly ratio: readonly [number, number] },
): Rectangle | undefined {
  const uniform = (from: number, to: number) => from + (to - from) * random.uniform();
  for (let attempt = 0; attempt < attempts; attempt++) {
    const area = height * width * uniform(scale[0], scale[1]);
    const aspect = Math.exp(uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const [h, w] = [Math.round(Math.sqrt(area / aspect)), Math.round(Math.sqrt(area * aspect))];
    if (h < 1 || w < 1 || h > height || w > width) continue;
    return { top: random.integer(height - h + 1), left: random.integer(width - w + 1), height: h, width: w };
  }
  return undefined;
}
