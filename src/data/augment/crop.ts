import { check } from "../../graph/error.js";
import { checkChoice, checkOptions } from "../../graph/options.js";
import { checkMovementOptions, type MovementOptions, moved, movementOptions } from "./movement.js";
import type { Sample, Transform } from "./sample.js";

/** A size in pixels: of a square, or height and width. */
export type Size = number | readonly [height: number, width: number];

/** The height and the width of a size, at least one pixel each. */
export function sidesOf(owner: string, size: Size): readonly [height: number, width: number] {
  const sides = typeof size === "number" ? ([size, size] as const) : size;
  check(
    sides.length === 2 && sides.every((side) => Number.isInteger(side) && side > 0),
    () => `${owner}: got size ${typeof size === "number" ? size : `[${size.join(", ")}]`}, expected an integer from 1, or [height, width]`,
  );
  return sides;
}

/** What stands around a picture: a value, the pixel at its border, or the picture mirrored at its border pixels. */
export type Surround = "constant" | "edge" | "reflect";

/** Settings of {@link crop}. */
export interface CropOptions extends MovementOptions {
  /** By default `constant`, which is `fill`. */
  readonly surround?: Surround;
}

const cropOptions = { ...movementOptions, surround: "optional" } as const;

function checkCropOptions(owner: string, options: CropOptions): void {
  checkMovementOptions(owner, options);
  checkChoice(owner, "surround", options.surround, ["constant", "edge", "reflect"]);
}

/** Where along a side a pixel comes from that may lie outside: -1 where it is filled. */
function sourceIndex(at: number, size: number, surround: Surround): number {
  if (at >= 0 && at < size) return at;
  if (surround === "constant" || size === 0) return -1;
  if (surround === "edge" || size === 1) return at < 0 ? 0 : size - 1;
  const period = 2 * (size - 1);
  const within = ((at % period) + period) % period;
  return within < size ? within : period - within;
}

/**
 * The part of a sample whose upper left pixel is at `top`, `left`. It may reach beyond the picture.
 * @throws KasaneError for options out of their bounds
 */
export function crop<S extends Sample>(sample: S, top: number, left: number, size: Size, options: CropOptions = {}): S {
  checkOptions("crop", options, cropOptions);
  checkCropOptions("crop", options);
  const sides = sidesOf("crop", size);
  check([top, left].every(Number.isInteger), () => `crop: got top ${top} and left ${left}, expected integers`);
  return cropped("crop", sample, [top, left], sides, options);
}

function cropped<S extends Sample>(
  owner: string,
  sample: S,
  [top, left]: readonly [number, number],
  [height, width]: readonly [number, number],
  options: CropOptions,
): S {
  const { picture } = sample;
  const { surround = "constant" } = options;
  const columns = Int32Array.from({ length: width }, (_, x) => sourceIndex(left + x, picture.width, surround));
  // The columns of the result that come from within: these are copied at once.
  const [first, end] = [Math.min(Math.max(-left, 0), width), Math.max(Math.min(picture.width - left, width), 0)];
  return moved(
    owner,
    sample,
    {
      height,
      width,
      plane(source, target, fill) {
        for (let y = 0; y < height; y++) {
          const row = sourceIndex(top + y, picture.height, surround);
          const at = y * width;
          if (row < 0 || first >= end) fillRow(target, at, 0, width, source, row, fill);
          else {
            fillRow(target, at, 0, first, source, row, fill);
            const from = row * picture.width + left;
            target.set(source.subarray(from + first, from + end), at + first);
            fillRow(target, at, end, width, source, row, fill);
          }
        }
      },
      box: ([x1, y1, x2, y2]) => [x1 - left, y1 - top, x2 - left, y2 - top],
    },
    options,
  );

  function fillRow(target: Uint8Array, at: number, from: number, to: number, source: Uint8Array, row: number, fill: number): void {
    for (let x = from; x < to; x++) {
      const column = columns[x] as number;
      target[at + x] = row < 0 || column < 0 ? fill : (source[row * picture.width + column] as number);
    }
  }
}

/** Settings of {@link randomCrop}. */
export interface RandomCropOptions extends CropOptions {
  /** Pixels around the picture on each side that the part may reach into, by default 0. */
  readonly padding?: number;
}

/**
 * A part of the given size at a random place, each place as probable.
 * @throws KasaneError where a picture with its padding is smaller than the part
 */
export function randomCrop(size: Size, options: RandomCropOptions = {}): Transform {
  checkOptions<RandomCropOptions>("randomCrop", options, { ...cropOptions, padding: "optional" });
  checkCropOptions("randomCrop", options);
  const { padding = 0 } = options;
  const [height, width] = sidesOf("randomCrop", size);
  check(Number.isInteger(padding) && padding >= 0, () => `randomCrop: got padding ${padding}, expected an integer from 0`);
  return (sample, random) => {
    const { picture } = sample;
    const [down, right] = [picture.height + 2 * padding - height, picture.width + 2 * padding - width];
    check(
      down >= 0 && right >= 0,
      () =>
        `randomCrop: a picture of ${picture.height} x ${picture.width} with padding ${padding} is smaller than ${height} x ${width}: ` +
        "ask for a smaller part, or for more padding",
    );
    const place = [random.integer(down + 1) - padding, random.integer(right + 1) - padding] as const;
    return cropped("randomCrop", sample, place, [height, width], options);
  };
}
