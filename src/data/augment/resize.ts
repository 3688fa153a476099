import { check } from "../../graph/error.js";
import { checkOptions } from "../../graph/options.js";
import { type Size, sidesOf } from "./crop.js";
import { type Movement, type MovementOptions, moved } from "./movement.js";
import { checkRange, drawRectangle, type Rectangle } from "./rectangle.js";
import type { Picture, Sample, Transform } from "./sample.js";

/** Settings of {@link randomResizedCrop}. */
export interface ResizedCropOptions extends Pick<MovementOptions, "leastVisible"> {
  /** The least and the largest share of the picture's area, by default 0.08 to 1. */
  readonly scale?: readonly [least: number, most: number];
  /** The least and the largest ratio of width to height, by default 3/4 to 4/3. */
  readonly ratio?: readonly [least: number, most: number];
}

/**
 * A sample in another size. Pixels are means by a triangle of at least two pixels' width, wider where the picture shrinks, so that no fine
 * pattern becomes a coarse one (bilinear with antialiasing, as PyTorch's). Masks take the nearest pixel.
 * @throws KasaneError for a picture without pixels
 */
export function resize<S extends Sample>(sample: S, size: Size): S {
  const { height, width } = sample.picture;
  const sides = sidesOf("resize", size);
  if (sides[0] === height && sides[1] === width) return sample;
  return moved("resize", sample, resizing("resize", sample.picture, { top: 0, left: 0, height, width }, sides));
}

/**
 * A part of random size, place and ratio of its sides, resized (Szegedy et al. 2015, Going deeper with convolutions, section 6). Where ten
 * draws do not fit into the picture, the largest part of an allowed ratio at its centre.
 */
export function randomResizedCrop(size: Size, options: ResizedCropOptions = {}): Transform {
  checkOptions("randomResizedCrop", options, { scale: "optional", ratio: "optional", leastVisible: "optional" });
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] } = options;
  const sides = sidesOf("randomResizedCrop", size);
  checkRange("randomResizedCrop", "scale", scale, 1);
  checkRange("randomResizedCrop", "ratio", ratio);
  return (sample, random) => {
    const { picture } = sample;
    const part = drawRectangle(random, picture, { scale, ratio }) ?? centralPart(picture, ratio);
    return moved("randomResizedCrop", sample, resizing("randomResizedCrop", picture, part, sides), options);
  };
}

function centralPart({ height, width }: Picture, [least, most]: readonly [number, number]): Rectangle {
  const ratio = width / height;
  const [h, w] = [ratio < least ? Math.round(width / least) : height, ratio > most ? Math.round(height * most) : width];
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}

/** The movement that brings a part of a picture to `height` and `width`. */
function resizing(owner: string, picture: Picture, part: Rectangle, [height, width]: readonly [number, number]): Movement {
  check(part.height > 0 && part.width > 0, () => `${owner}: got a picture of ${picture.height} x ${picture.width}, expected pixels`);
  const across = weightsOf(part.width, width);
  const down = weightsOf(part.height, height);
  const stride = picture.width;
  return {
    height,
    width,
    plane(source, target) {
      const rows = new Float64Array(part.height * width);
      for (let y = 0; y < part.height; y++) {
        const from = (part.top + y) * stride + part.left;
        for (let x = 0; x < width; x++) {
          let sum = 0;
          const first = across.first[x] as number;
          for (let i = across.start[x] as number, at = from + first; i < (across.start[x + 1] as number); i++, at++)
            sum += (across.weights[i] as number) * (source[at] as number);
          rows[y * width + x] = sum;
        }
      }
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          let sum = 0.5;
          let at = (down.first[y] as number) * width + x;
          for (let i = down.start[y] as number; i < (down.start[y + 1] as number); i++, at += width)
            sum += (down.weights[i] as number) * (rows[at] as number);
          target[y * width + x] = sum;
        }
      }
    },
    mask(source, target) {
      for (let y = 0; y < height; y++) {
        const from = (part.top + Math.floor(((y + 0.5) * part.height) / height)) * stride + part.left;
        for (let x = 0; x < width; x++) target[y * width + x] = source[from + Math.floor(((x + 0.5) * part.width) / width)] as number;
      }
    },
    box([x1, y1, x2, y2]) {
      const [right, bottom] = [width / part.width, height / part.height];
      return [(x1 - part.left) * right, (y1 - part.top) * bottom, (x2 - part.left) * right, (y2 - part.top) * bottom];
    },
  };
}

/** What each element of a side is made of: weights `start[i]` to `start[i + 1]` of the elements from `first[i]` on, which add up to 1. */
interface SideWeights {
  readonly first: Int32Array;
  readonly start: Int32Array;
  readonly weights: Float64Array;
}

function weightsOf(from: number, to: number): SideWeights {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const first = new Int32Array(to);
  const start = new Int32Array(to + 1);
  const weights: number[] = [];
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const begin = Math.max(Math.floor(centre - support + 0.5), 0);
    const end = Math.min(Math.floor(centre + support + 0.5), from);
    const raw = Array.from({ length: end - begin }, (_, j) => Math.max(1 - Math.abs((begin + j + 0.5 - centre) / support), 0));
    const sum = raw.reduce((a, b) => a + b, 0);
    first[i] = begin;
    for (const weight of raw) weights.push(weight / sum);
    start[i + 1] = weights.length;
  }
  return { first, start, weights: Float64Array.from(weights) };
}
