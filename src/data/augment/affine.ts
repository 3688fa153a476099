import { check } from "../../graph/error.js";
import { checkChoice, checkOptions } from "../../graph/options.js";
import type { RandomGenerator } from "../../random/generator.js";
import { checkMovementOptions, type Movement, type MovementOptions, moved, movementOptions } from "./movement.js";
import type { Picture, Sample, Transform } from "./sample.js";

/** Numbers to draw from, uniformly: `d` stands for `-d` to `d`. */
export type Spread = number | readonly [from: number, to: number];

/** Settings that movements between pixels share. */
export interface InterpolationOptions extends MovementOptions {
  /** Whether pixels are those nearest, which is quicker, or means of the four around; by default `nearest`. Masks take the nearest. */
  readonly interpolation?: "nearest" | "bilinear";
}

const interpolationOptions = { ...movementOptions, interpolation: "optional" } as const;

/** Settings of {@link affine}. */
export interface AffineOptions extends InterpolationOptions {
  /** Degrees clockwise, by default 0. */
  readonly angle?: number;
  /** Pixels to the right and down, by default none. */
  readonly translate?: readonly [right: number, down: number];
  /** By default 1. */
  readonly scale?: number;
  /** Degrees by which columns and rows lean, by default 0. */
  readonly shear?: readonly [x: number, y: number];
  /** What stays in its place but for `translate`, in pixels from the upper left corner; by default the picture's centre. */
  readonly center?: readonly [x: number, y: number];
}

/** Throws for settings of a movement that are not understood. */
export function checkInterpolation(owner: string, options: InterpolationOptions): void {
  checkMovementOptions(owner, options);
  checkChoice(owner, "interpolation", options.interpolation, ["nearest", "bilinear"]);
}

/**
 * A sample sheared, scaled, turned about its centre and shifted, in that order, as torchvision's `affine` does. Boxes become the smallest ones
 * around their moved corners.
 */
export function affine<S extends Sample>(sample: S, options: AffineOptions): S {
  checkOptions<AffineOptions>("affine", options, {
    ...interpolationOptions,
    angle: "optional",
    translate: "optional",
    scale: "optional",
    shear: "optional",
    center: "optional",
  });
  checkInterpolation("affine", options);
  return affinely("affine", sample, options);
}

/** `x' = a x + b y + e`, `y' = c x + d y + f` */
type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

function matrixOf({ height, width }: Picture, options: AffineOptions): Matrix {
  const { angle = 0, translate = [0, 0], scale = 1, shear = [0, 0], center = [width / 2, height / 2] } = options;
  const [turn, leanX, leanY] = [angle, ...shear].map((degrees) => (degrees * Math.PI) / 180) as [number, number, number];
  // R(angle) S(scale) [1, 0; -tan y, 1] [1, -tan x; 0, 1]
  const a = Math.cos(turn - leanY) / Math.cos(leanY);
  const c = Math.sin(turn - leanY) / Math.cos(leanY);
  const [b, d] = [-(a * Math.tan(leanX) + Math.sin(turn)), Math.cos(turn) - c * Math.tan(leanX)];
  const [x, y] = center;
  const shiftX = x + translate[0] - scale * (a * x + b * y);
  const shiftY = y + translate[1] - scale * (c * x + d * y);
  return [scale * a, scale * b, scale * c, scale * d, shiftX, shiftY];
}

function affinely<S extends Sample>(owner: string, sample: S, options: AffineOptions): S {
  const { picture } = sample;
  const [a, b, c, d, e, f] = matrixOf(picture, options);
  const determinant = a * d - b * c;
  check(
    Number.isFinite(1 / determinant) && [a, b, c, d, e, f].every(Number.isFinite),
    () =>
      `${owner}: got scale ${options.scale}, angle ${options.angle}, shear ${options.shear}: a picture of no area, or of an infinite one`,
  );
  // The inverse, from the centres of pixels to indices.
  const [p, q, r, s] = [d / determinant, -b / determinant, -c / determinant, a / determinant];
  const inverse = [p, q, r, s, p * (0.5 - e) + q * (0.5 - f) - 0.5, r * (0.5 - e) + s * (0.5 - f) - 0.5] as const;
  const [nearest, bilinear] = samplers(picture, inverse);
  return moved(
    owner,
    sample,
    {
      height: picture.height,
      width: picture.width,
      plane: options.interpolation === "bilinear" ? bilinear : nearest,
      mask: nearest,
      box([x1, y1, x2, y2]) {
        const corners = [
          [x1, y1],
          [x2, y1],
          [x1, y2],
          [x2, y2],
        ] as const;
        const xs = corners.map(([x, y]) => a * x + b * y + e);
        const ys = corners.map(([x, y]) => c * x + d * y + f);
        return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
      },
    },
    options,
  );
}

/** What fills a plane with the pixels nearest to where an inverse matrix says, and with means of the four around. */
function samplers({ height, width }: Picture, [a, b, c, d, e, f]: Matrix): readonly [Movement["plane"], Movement["plane"]] {
  const at = (source: Uint8Array, x: number, y: number, fill: number) =>
    x >= 0 && x < width && y >= 0 && y < height ? (source[y * width + x] as number) : fill;
  // What rounding of the angles leaves must not decide between two pixels.
  const half = 0.5 + 1e-9;
  return [
    (source, target, fill) => {
      for (let row = 0, i = 0; row < height; row++) {
        for (let column = 0; column < width; column++, i++) {
          target[i] = at(source, Math.floor(a * column + b * row + e + half), Math.floor(c * column + d * row + f + half), fill);
        }
      }
    },
    (source, target, fill) => {
      for (let row = 0, i = 0; row < height; row++) {
        for (let column = 0; column < width; column++, i++) {
          const x = a * column + b * row + e;
          const y = c * column + d * row + f;
          const left = Math.floor(x);
          const top = Math.floor(y);
          const right = x - left;
          const down = y - top;
          const isInside = left >= 0 && top >= 0 && left + 1 < width && top + 1 < height;
          const first = top * width + left;
          const upperLeft = isInside ? (source[first] as number) : at(source, left, top, fill);
          const upperRight = isInside ? (source[first + 1] as number) : at(source, left + 1, top, fill);
          const lowerLeft = isInside ? (source[first + width] as number) : at(source, left, top + 1, fill);
          const lowerRight = isInside ? (source[first + width + 1] as number) : at(source, left + 1, top + 1, fill);
          const upper = upperLeft * (1 - right) + upperRight * right;
          const lower = lowerLeft * (1 - right) + lowerRight * right;
          target[i] = Math.floor(upper * (1 - down) + lower * down + 0.5);
        }
      }
    },
  ];
}

/** The two ends of a spread. */
function endsOf(owner: string, name: string, spread: Spread): readonly [number, number] {
  const [from, to] = typeof spread === "number" ? [-spread, spread] : spread;
  check(
    Number.isFinite(from) && Number.isFinite(to) && from <= to,
    () => `${owner}: got ${name} ${JSON.stringify(spread)}, expected a number from 0, or [from, to]`,
  );
  return [from, to];
}

const drawn = (random: RandomGenerator, [from, to]: readonly [number, number]) => from + (to - from) * random.uniform();

/** Turns about the centre by `degrees` counterclockwise; what comes from outside is filled. */
export function randomRotation(degrees: Spread, options: InterpolationOptions = {}): Transform {
  checkOptions("randomRotation", options, interpolationOptions);
  checkInterpolation("randomRotation", options);
  const ends = endsOf("randomRotation", "degrees", degrees);
  return (sample, random) => affinely("randomRotation", sample, { ...options, angle: -drawn(random, ends) });
}

/** Settings of {@link randomAffine}. */
export interface RandomAffineOptions extends InterpolationOptions {
  /** Degrees clockwise, by default 0. */
  readonly degrees?: Spread;
  /** The largest shift to the sides and up and down, in shares of the picture's width and height, by default none. */
  readonly translate?: readonly [x: number, y: number];
  /** The least and the largest scale, by default 1. */
  readonly scale?: readonly [least: number, most: number];
  /** Degrees by which columns lean, by default 0. */
  readonly shearX?: Spread;
  /** Degrees by which rows lean, by default 0. */
  readonly shearY?: Spread;
}

/** {@link affine} with numbers at random. */
export function randomAffine(options: RandomAffineOptions): Transform {
  checkOptions<RandomAffineOptions>("randomAffine", options, {
    ...interpolationOptions,
    degrees: "optional",
    translate: "optional",
    scale: "optional",
    shearX: "optional",
    shearY: "optional",
  });
  checkInterpolation("randomAffine", options);
  const { degrees = 0, translate = [0, 0], scale = [1, 1], shearX = 0, shearY = 0, ...movement } = options;
  const angles = endsOf("randomAffine", "degrees", degrees);
  const shears = [endsOf("randomAffine", "shearX", shearX), endsOf("randomAffine", "shearY", shearY)] as const;
  check(
    translate.length === 2 && translate.every((share) => share >= 0 && share <= 1),
    () => `randomAffine: got translate [${translate.join(", ")}], expected two shares from 0 to 1`,
  );
  check(
    scale.length === 2 && scale[0] > 0 && scale[0] <= scale[1] && scale[1] < Number.POSITIVE_INFINITY,
    () => `randomAffine: got scale [${scale.join(", ")}], expected [least, most] above 0`,
  );
  return (sample, random) => {
    const { height, width } = sample.picture;
    const angle = drawn(random, angles);
    const right = Math.round(width * translate[0] * (2 * random.uniform() - 1));
    const down = Math.round(height * translate[1] * (2 * random.uniform() - 1));
    const size = drawn(random, scale);
    const shear = [drawn(random, shears[0]), drawn(random, shears[1])] as const;
    return affinely("randomAffine", sample, { ...movement, angle, translate: [right, down], scale: size, shear });
  };
}
