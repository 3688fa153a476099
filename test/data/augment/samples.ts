import { data } from "../../../src/index.js";

const { randomOf } = data.augment;

/** A sample of bytes at random, with two boxes and a mask. */
export function sampleOf(channels: number, height: number, width: number, index = 0) {
  const random = randomOf(7, 0, index);
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => random.integer(256));
  return {
    picture: { pixels: bytes(channels * height * width), channels, height, width },
    boxes: [
      { box: [1, 2, 4, 6] as const, class: 3, difficult: true },
      { box: [0, 0, width, height] as const, class: 1 },
    ],
    mask: bytes(height * width),
    label: 5,
  };
}

/** A sample whose picture has a lit rectangle, which its box and its mask are of. */
export function markedSample(height: number, width: number, [x1, y1, x2, y2]: readonly [number, number, number, number]) {
  const mask = new Uint8Array(height * width);
  for (let y = y1; y < y2; y++) mask.fill(1, y * width + x1, y * width + x2);
  return {
    picture: { pixels: mask.map((each) => 200 * each), channels: 1, height, width },
    boxes: [{ box: [x1, y1, x2, y2] as const, class: 0 }],
    mask,
  };
}

/** The smallest box around the pixels of a plane that `isIn` holds for; undefined where there are none. */
export function boxAround(plane: Uint8Array, width: number, isIn: (value: number) => boolean) {
  const places = [...plane.keys()].filter((i) => isIn(plane[i] as number));
  if (places.length === 0) return undefined;
  const [xs, ys] = [places.map((i) => i % width), places.map((i) => Math.floor(i / width))];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
}
