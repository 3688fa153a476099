import { describe, expect, test } from "vitest";
import { data, KasaneError, tensor } from "../../../src/index.js";
import { boxAround, markedSample, sampleOf } from "./samples.js";

const { compose, crop, dihedral, halfTurns, picturesOf, randomApply, randomCrop, randomErasing, randomOf, stackPictures, turned } =
  data.augment;
const { augmented, randomHorizontalFlip, randomVerticalFlip } = data.augment;

/** Rows of the first channel. */
const rows = ({ picture }: data.augment.Sample) =>
  Array.from({ length: picture.height }, (_, y) => [...picture.pixels.subarray(y * picture.width, (y + 1) * picture.width)]);

const small = { picture: { pixels: Uint8Array.of(1, 2, 3, 4, 5, 6), channels: 1, height: 2, width: 3 } };

describe("what is drawn follows from the seed, the epoch and the index of the example alone", () => {
  const transform = compose(randomCrop(6, { padding: 2 }), randomHorizontalFlip(), randomErasing({ value: "random" }));
  const samples = Array.from({ length: 6 }, (_, i) => sampleOf(3, 8, 7, i));

  test("in any order, so a resumed epoch sees what an unbroken one does", () => {
    const all = augmented(samples, [0, 1, 2, 3, 4, 5], transform, { seed: 1, epoch: 2 });
    const later = augmented(samples, [5, 3], transform, { seed: 1, epoch: 2 });
    expect(later).toEqual([all[5], all[3]]);
  });

  test("and changes with each of the three", () => {
    const first = [0, 1, 2, 3].map(() => randomOf(1, 2, 3).uniform());
    expect(new Set(first).size).toBe(1);
    const others = [randomOf(2, 2, 3), randomOf(1, 3, 3), randomOf(1, 2, 4)].map((random) => random.uniform());
    expect(new Set([first[0], ...others]).size).toBe(4);
  });

  test("the example stays as it was, and what is not moved stays in it", () => {
    const before = structuredClone(samples);
    const [made] = augmented(samples, [1], transform, { seed: 1, epoch: 2 });
    expect(samples).toEqual(before);
    expect(made?.label).toBe(5);
  });

  test("an index that is none is an error", () => {
    expect(() => augmented(samples, [6], transform, { seed: 1, epoch: 2 })).toThrow("augmented: got index 6, and there are 6 samples");
    expect(() => randomOf(1, -1, 0)).toThrow("randomOf: got epoch -1 and index 0, expected integers from 0 to 2^31 - 1");
  });
});

describe("the symmetries of a square", () => {
  test("are those said", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((symmetry) => rows(turned(small, symmetry)))).toEqual([
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [
        [3, 2, 1],
        [6, 5, 4],
      ],
      [
        [4, 5, 6],
        [1, 2, 3],
      ],
      [
        [6, 5, 4],
        [3, 2, 1],
      ],
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
      [
        [4, 1],
        [5, 2],
        [6, 3],
      ],
      [
        [3, 6],
        [2, 5],
        [1, 4],
      ],
      [
        [6, 3],
        [5, 2],
        [4, 1],
      ],
    ]);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])("boxes and masks move with the pixels: %i", (symmetry) => {
    const made = turned(markedSample(7, 9, [2, 1, 6, 3]), symmetry);
    expect(made.boxes[0]?.box).toEqual(boxAround(made.picture.pixels, made.picture.width, (value) => value === 200));
    expect(made.mask).toEqual(made.picture.pixels.map((value) => value / 200));
  });

  test("each is drawn as often", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      const made = rows(dihedral()(small, randomOf(0, 0, i))).join();
      counts.set(made, (counts.get(made) ?? 0) + 1);
    }
    // Five standard deviations of a binomial of 4,000 and 1/8 are 105.
    expect([...counts.values()].every((count) => Math.abs(count - 500) < 105)).toBe(true);
    expect(counts.size).toBe(8);
    expect(new Set(Array.from({ length: 50 }, (_, i) => halfTurns()(small, randomOf(0, 0, i)).picture.height))).toEqual(new Set([2]));
  });

  test("flips have a probability", () => {
    const flipped = (flip: data.augment.Transform, count = 2000) =>
      Array.from({ length: count }, (_, i) => flip(small, randomOf(0, 0, i))).filter(({ picture }) => picture.pixels[0] !== 1).length;
    expect(flipped(randomHorizontalFlip({ probability: 0 }))).toBe(0);
    expect(flipped(randomVerticalFlip({ probability: 1 }))).toBe(2000);
    // Five standard deviations of a binomial of 2,000 and 1/4 are 97.
    expect(Math.abs(flipped(randomHorizontalFlip({ probability: 0.25 })) - 500)).toBeLessThan(97);
    expect(() => randomHorizontalFlip({ probability: 2 })).toThrow("randomHorizontalFlip: got probability 2, expected 0 to 1");
    expect(() => randomVerticalFlip({ p: 1 } as never)).toThrow("randomVerticalFlip: unknown option p");
    expect(() => randomApply(dihedral(), -1)).toThrow("randomApply: got probability -1, expected 0 to 1");
    expect(() => turned(small, 8)).toThrow("turned: got symmetry 8, expected an integer from 0 to 7");
  });
});

describe("crop", () => {
  test("what lies beyond the picture is a value, the pixel at the border, or mirrored", () => {
    expect(rows(crop(small, -1, -1, [3, 5], { fill: 9 }))).toEqual([
      [9, 9, 9, 9, 9],
      [9, 1, 2, 3, 9],
      [9, 4, 5, 6, 9],
    ]);
    expect(rows(crop(small, -1, 2, [2, 3], { surround: "edge" }))).toEqual([
      [3, 3, 3],
      [3, 3, 3],
    ]);
    expect(rows(crop(small, 1, -3, [2, 9], { surround: "reflect" }))).toEqual([
      [5, 6, 5, 4, 5, 6, 5, 4, 5],
      [2, 3, 2, 1, 2, 3, 2, 1, 2],
    ]);
    expect(rows(crop(small, 5, 5, 1))).toEqual([[0]]);
    const empty = { picture: { pixels: new Uint8Array(0), channels: 1, height: 0, width: 0 } };
    expect(rows(crop(empty, 0, 0, [1, 2], { fill: 4, surround: "reflect" }))).toEqual([[4, 4]]);
  });

  test("boxes are cut, and left out where too little is to be seen", () => {
    const sample = markedSample(8, 8, [2, 2, 6, 6]);
    expect(crop(sample, 3, 4, 4).boxes).toEqual([{ box: [0, 0, 2, 3], class: 0 }]);
    expect(crop(sample, 3, 4, 4, { leastVisible: 0.375 }).boxes).toHaveLength(1);
    expect(crop(sample, 3, 4, 4, { leastVisible: 0.38 }).boxes).toHaveLength(0);
    expect(crop(sample, 6, 0, 2).boxes).toHaveLength(0);
    expect(crop(sample, 6, 6, 3).mask).toEqual(Uint8Array.of(0, 0, 255, 0, 0, 255, 255, 255, 255));
  });

  test("at random: boxes and masks move with the pixels, and every place is drawn", () => {
    const sample = markedSample(6, 6, [2, 2, 4, 4]);
    const places = new Set<string>();
    for (let i = 0; i < 300; i++) {
      const made = randomCrop(6, { padding: 1, maskFill: 0 })(sample, randomOf(0, 0, i));
      expect(made.boxes[0]?.box).toEqual(boxAround(made.picture.pixels, 6, (value) => value === 200));
      expect(made.mask).toEqual(made.picture.pixels.map((value) => value / 200));
      places.add(made.boxes[0]?.box.join() ?? "");
    }
    expect(places.size).toBe(9);
  });

  test("wrong sizes and options are named", () => {
    const random = randomOf(0, 0, 0);
    expect(() => randomCrop(4)(small, random)).toThrow(
      "randomCrop: a picture of 2 x 3 with padding 0 is smaller than 4 x 4: ask for a smaller part, or for more padding",
    );
    expect(() => randomCrop(0)).toThrow("randomCrop: got size 0, expected an integer from 1, or [height, width]");
    expect(() => randomCrop(2, { padding: -1 })).toThrow("randomCrop: got padding -1, expected an integer from 0");
    expect(() => randomCrop(2, { fill: 256 })).toThrow("randomCrop: got fill 256, expected an integer from 0 to 255");
    expect(() => crop(small, 0, 0, 2, { surround: "wrap" as never })).toThrow('crop: surround "wrap": expected "constant"');
    expect(() => crop(small, 0, 0.5, 2)).toThrow("crop: got top 0 and left 0.5, expected integers");
    expect(() => crop(small, 0, 0, 2, { fill: [1, 2] })).toThrow("crop: got 2 values to fill with, expected one for each of 1 channels");
    expect(() => crop({ ...small, mask: new Uint8Array(5) }, 0, 0, 2)).toThrow("crop: got a mask of 5 pixels for a picture of 2 x 3");
    expect(() => crop({ picture: { ...small.picture, height: 3 } }, 0, 0, 2)).toThrow("crop: got 6 pixels for [channels, height, width]");
    expect(() => crop(small, 0, 0, 2, { leastVisible: 3 })).toThrow(KasaneError);
  });
});

describe("randomErasing", () => {
  test("erases a rectangle of the area and the ratio asked for, in all channels", () => {
    const sample = { picture: { pixels: new Uint8Array(2 * 40 * 40).fill(1), channels: 2, height: 40, width: 40 } };
    const erase = randomErasing({ probability: 1, scale: [0.1, 0.2], ratio: [0.5, 2], value: [7, 8] });
    for (let i = 0; i < 50; i++) {
      const { pixels } = erase(sample, randomOf(0, 0, i)).picture;
      const [x1, y1, x2, y2] = boxAround(pixels.subarray(0, 1600), 40, (value) => value === 7) as [number, number, number, number];
      const area = (x2 - x1) * (y2 - y1);
      // Sides are rounded to pixels.
      expect(area).toBeGreaterThan(0.085 * 1600);
      expect(area).toBeLessThan(0.22 * 1600);
      expect(Math.max((x2 - x1) / (y2 - y1), (y2 - y1) / (x2 - x1))).toBeLessThan(2.2);
      expect(pixels.subarray(0, 1600).filter((value) => value === 7)).toHaveLength(area);
      expect(boxAround(pixels.subarray(1600), 40, (value) => value === 8)).toEqual([x1, y1, x2, y2]);
    }
  });

  test("leaves a picture without room as it is, and names wrong options", () => {
    const one = { picture: { pixels: Uint8Array.of(3), channels: 1, height: 1, width: 1 } };
    expect(randomErasing({ probability: 1, scale: [0.01, 0.02] })(one, randomOf(0, 0, 0)).picture.pixels[0]).toBe(3);
    expect(() => randomErasing({ scale: [0.5, 2] })).toThrow(
      "randomErasing: got scale [0.5, 2], expected [least, most] above 0 and at most 1",
    );
    expect(() => randomErasing({ ratio: [2, 1] })).toThrow("randomErasing: got ratio [2, 1], expected [least, most] above 0");
    expect(() => randomErasing({ value: -1 })).toThrow('randomErasing: got value -1, expected an integer from 0 to 255, or "random"');
    expect(() => randomErasing({ probability: 1, value: [1, 2] })(one, randomOf(0, 0, 0))).toThrow("randomErasing: got 2 values");
  });
});

describe("pictures and tensors", () => {
  test("a tensor's images are pictures, and pictures a tensor", () => {
    const images = tensor(
      Uint8Array.from({ length: 24 }, (_, i) => i),
      { shape: [2, 3, 4], dtype: "uint8" },
    );
    const pictures = picturesOf(images);
    expect(pictures.map(({ channels, height, width }) => [channels, height, width])).toEqual([
      [1, 3, 4],
      [1, 3, 4],
    ]);
    expect(pictures[1]?.pixels[0]).toBe(12);
    const stacked = stackPictures(pictures);
    expect(stacked.shape).toEqual([2, 1, 3, 4]);
    expect(picturesOf(stacked)).toEqual(pictures);
  });

  test("of one size and of bytes", () => {
    expect(() => stackPictures([])).toThrow("stackPictures: got no pictures");
    expect(() => stackPictures([small.picture, turned(small, 4).picture])).toThrow(
      "stackPictures: picture 1 is [1, 3, 2] and picture 0 [1, 2, 3]: crop or resize them to one size",
    );
    expect(() => picturesOf(tensor([[1, 2]]))).toThrow(
      "picturesOf: got float32 [1, 2], expected uint8 [count, height, width] or [count, channels, height, width]",
    );
  });
});
