import { check } from "../../graph/error.js";
import { checkOptions } from "../../graph/options.js";
import { moved } from "./movement.js";
import { checkProbability, type Sample, type Transform } from "./sample.js";

/** The eight symmetries of a square: of each, whether rows and columns change places, and then which axes are turned round. */
const symmetries = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => ({
  transposed: index >= 4,
  mirrored: (index & 1) === 1,
  upsideDown: (index & 2) === 2,
}));

/** How many symmetries a square has. */
export const symmetryCount = symmetries.length;

/**
 * A sample turned or mirrored: one of the eight symmetries of a square.
 * @param symmetry 0 leaves it as it is, 1 mirrors left and right, 2 top and bottom, 3 turns by 180 degrees; 4 to 7 do so after rows and columns
 * changed places, so that 5 turns by 90 degrees clockwise and 6 counterclockwise
 */
export function turned<S extends Sample>(sample: S, symmetry: number): S {
  const found = symmetries[symmetry];
  check(found !== undefined, () => `turned: got symmetry ${symmetry}, expected an integer from 0 to 7`);
  if (symmetry === 0) return sample;
  const { transposed, mirrored, upsideDown } = found;
  const { picture } = sample;
  const [height, width] = transposed ? [picture.width, picture.height] : [picture.height, picture.width];
  const [downward, rightward] = transposed ? [1, picture.width] : [picture.width, 1];
  return moved("turned", sample, {
    height,
    width,
    plane(source, target) {
      const step = mirrored ? -rightward : rightward;
      let i = 0;
      for (let y = 0; y < height; y++) {
        let from = (upsideDown ? height - 1 - y : y) * downward + (mirrored ? (width - 1) * rightward : 0);
        for (let x = 0; x < width; x++) {
          target[i++] = source[from] as number;
          from += step;
        }
      }
    },
    box([left, top, right, bottom]) {
      const [x1, y1, x2, y2] = transposed ? [top, left, bottom, right] : [left, top, right, bottom];
      const [from, to] = mirrored ? [width - x2, width - x1] : [x1, x2];
      return upsideDown ? [from, height - y2, to, height - y1] : [from, y1, to, y2];
    },
  });
}

/** Settings of the flips. */
export interface FlipOptions {
  /** By default 0.5. */
  readonly probability?: number;
}

const randomFlip = (owner: string, symmetry: number, options: FlipOptions): Transform => {
  checkOptions(owner, options, { probability: "optional" });
  const { probability = 0.5 } = options;
  checkProbability(owner, probability);
  return (sample, random) => (random.uniform() < probability ? turned(sample, symmetry) : sample);
};

/** Mirrors left and right with a probability. */
export const randomHorizontalFlip = (options: FlipOptions = {}): Transform => randomFlip("randomHorizontalFlip", 1, options);

/** Mirrors top and bottom with a probability. */
export const randomVerticalFlip = (options: FlipOptions = {}): Transform => randomFlip("randomVerticalFlip", 2, options);

/** One of the eight symmetries of a square, each as probable: for pictures without an upper side, such as those of cells. */
export const dihedral = (): Transform => (sample, random) => turned(sample, random.integer(symmetryCount));

/**
 * One of the four symmetries that keep height and width, each as probable: {@link dihedral} for pictures that are no squares and have to be of
 * one size.
 */
export const halfTurns = (): Transform => (sample, random) => turned(sample, random.integer(4));
