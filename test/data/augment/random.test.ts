import { describe, expect, test } from "vitest";
import { crossEntropy, data, tensor } from "../../../src/index.js";
import { boxAround, markedSample, sampleOf } from "./samples.js";

const { affine, batchRandomOf, colorJitter, cutmix, mixedCrossEntropy, mixup, randAugment, randomAffine } = data.augment;
const { adjustHue, randomOf, randomResizedCrop, randomRotation, resize, stackPictures } = data.augment;

const grey = (height: number, width: number, pixels: number[]) => ({
  picture: { pixels: Uint8Array.from(pixels), channels: 1, height, width },
});

describe("boxes and masks move with the pixels", () => {
  const sample = markedSample(40, 50, [18, 14, 32, 26]);

  /** The box of the picture is at most a pixel away from the one around the lit pixels. */
  function checkTogether(made: typeof sample) {
    const around = boxAround(made.picture.pixels, made.picture.width, (value) => value > 100);
    const [found] = made.boxes;
    expect(around === undefined).toBe(found === undefined);
    (found?.box ?? []).forEach((side, i) => expect(Math.abs(side - (around?.[i] as number))).toBeLessThan(1.5));
    const differing = made.mask.filter((value, i) => value !== 255 && (value === 1) !== (made.picture.pixels[i] as number) > 100);
    expect(differing.length).toBeLessThan(0.03 * made.mask.length);
  }

  test.each([
    ["rotation", randomRotation(45)],
    [
      "affine",
      randomAffine({ degrees: 30, translate: [0.2, 0.1], scale: [0.7, 1.2], shearX: 10, shearY: [-5, 20], interpolation: "bilinear" }),
    ],
    ["resized crop", randomResizedCrop([30, 60], { scale: [0.3, 1] })],
  ] as const)("%s", (_, transform) => {
    for (let i = 0; i < 40; i++) checkTogether(transform(sample, randomOf(0, 0, i)));
  });

  test("resize", () => checkTogether(resize(sample, [77, 31])));

  test("a turn by 90 degrees clockwise is exact", () => {
    const made = affine(markedSample(6, 6, [0, 1, 2, 4]), { angle: 90 });
    expect(made.boxes[0]?.box.map((side) => Math.round(side * 1e9) / 1e9)).toEqual([2, 0, 5, 2]);
    expect(boxAround(made.picture.pixels, 6, (value) => value === 200)).toEqual([2, 0, 5, 2]);
  });

  test("what comes from outside is filled", () => {
    const made = affine(sampleOf(2, 4, 4), { translate: [-3, 0], fill: [7, 8], maskFill: 9, interpolation: "bilinear" });
    expect([...made.picture.pixels.subarray(1, 4)]).toEqual([7, 7, 7]);
    expect([...made.picture.pixels.subarray(17, 20)]).toEqual([8, 8, 8]);
    expect([...made.mask.subarray(1, 4)]).toEqual([9, 9, 9]);
  });
});

describe("sizes of 0 and 1", () => {
  const transforms = {
    rotation: randomRotation(90),
    affine: randomAffine({ scale: [0.5, 2], translate: [1, 1], interpolation: "bilinear" }),
    jitter: colorJitter({ brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.5 }),
    randAugment: randAugment({ operations: 10, magnitude: 30 }),
    crop: randomResizedCrop(3),
  };

  test.each(Object.entries(transforms))("%s", (name, transform) => {
    for (let i = 0; i < 20; i++) {
      const one = transform(grey(1, 1, [77]), randomOf(0, 0, i)).picture;
      expect(one.pixels).toHaveLength(name === "crop" ? 9 : 1);
    }
    const none = () => transform(grey(0, 0, []), randomOf(0, 0, 0)).picture.pixels.length;
    if (name === "crop") expect(none).toThrow("randomResizedCrop: got a picture of 0 x 0, expected pixels");
    else expect(none()).toBe(0);
  });

  test("resize", () => {
    expect([...resize(grey(1, 1, [77]), [2, 3]).picture.pixels]).toEqual([77, 77, 77, 77, 77, 77]);
    expect([...resize(grey(1, 4, [0, 10, 20, 30]), [1, 1]).picture.pixels]).toEqual([15]);
    expect(() => resize(grey(0, 0, []), 2)).toThrow("resize: got a picture of 0 x 0, expected pixels");
  });
});

describe("randomResizedCrop", () => {
  test("takes parts of the shares and ratios asked for", () => {
    // A picture whose pixels say where they are: the corners tell the part.
    const size = 200;
    const places = Array.from({ length: size * size }, (_, i) => i % size);
    const sample = {
      ...grey(size, size, places),
      boxes: [
        { box: [0, 0, size, size] as const, class: 0 },
        { box: [0, 0, 1, 1] as const, class: 1 },
      ],
    };
    for (let i = 0; i < 30; i++) {
      const { pixels } = randomResizedCrop(size, { scale: [0.25, 0.25], ratio: [1, 1] })(sample, randomOf(0, 0, i)).picture;
      expect((pixels[size - 1] as number) - (pixels[0] as number)).toBeCloseTo(99, -1);
    }
  });

  test("takes the central part where nothing fits", () => {
    const made = randomResizedCrop([1, 1], { scale: [1, 1], ratio: [1, 1] })(grey(1, 5, [0, 0, 90, 0, 0]), randomOf(0, 0, 0));
    expect([...made.picture.pixels]).toEqual([90]);
  });
});

describe("colorJitter and randAugment", () => {
  test("draw from what is asked for", () => {
    const sample = grey(1, 2, [100, 60]);
    const values = Array.from(
      { length: 300 },
      (_, i) => colorJitter({ brightness: 0.2 })(sample, randomOf(0, 0, i)).picture.pixels[0] as number,
    );
    expect(Math.min(...values)).toBeLessThan(83);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(80);
    expect(Math.max(...values)).toBeGreaterThan(117);
    expect(Math.max(...values)).toBeLessThanOrEqual(120);
    expect(colorJitter({})(sample, randomOf(0, 0, 0)).picture).toEqual(sample.picture);
  });

  test("every operation of randAugment is drawn, and a magnitude of 0 changes no shape", () => {
    const sample = sampleOf(3, 16, 20);
    const results = Array.from({ length: 200 }, (_, i) => randAugment({ operations: 1 })(sample, randomOf(0, 0, i)).picture.pixels.join());
    // 14 operations, 9 of them with a sign.
    expect(new Set(results).size).toBe(14 + 9);
    for (let i = 0; i < 50; i++) expect(randAugment({ magnitude: 0 })(sample, randomOf(0, 0, i)).boxes).toEqual(sample.boxes);
  });

  test("wrong options are named", () => {
    expect(() => colorJitter({ hue: 0.6 })).toThrow("colorJitter: got hue 0.6, expected a number from 0 to 0.5, or [least, most]");
    expect(() => colorJitter({ brightness: -1 })).toThrow("colorJitter: got brightness -1, expected a number from 0, or [least, most]");
    expect(() => colorJitter({ contrast: [2, 1] })).toThrow("colorJitter: got contrast [2,1]");
    expect(() => colorJitter({ colour: 1 } as never)).toThrow("colorJitter: unknown option colour");
    expect(() => randAugment({ magnitude: 31 })).toThrow("randAugment: got magnitude 31, expected 0 to 30");
    expect(() => randAugment({ operations: 1.5 })).toThrow("randAugment: got 1.5 operations, expected an integer from 0");
    expect(() => adjustHue(sampleOf(2, 3, 3).picture, 0.1)).toThrow("adjustHue: got a picture of 2 channels, expected 1 or 3");
    expect(() => adjustHue(sampleOf(3, 3, 3).picture, 0.7)).toThrow("adjustHue: got 0.7, expected a share of the circle from -0.5 to 0.5");
    expect(() => randomRotation([2, 1])).toThrow("randomRotation: got degrees [2,1], expected a number from 0, or [from, to]");
    expect(() => randomRotation(1, { interpolation: "cubic" as never })).toThrow(
      'randomRotation: interpolation "cubic": expected "nearest"',
    );
    expect(() => randomAffine({ scale: [0, 1] })).toThrow("randomAffine: got scale [0, 1], expected [least, most] above 0");
    expect(() => randomAffine({ translate: [2, 0] })).toThrow("randomAffine: got translate [2, 0], expected two shares from 0 to 1");
    expect(() => affine(sampleOf(1, 2, 2), { scale: 0 })).toThrow("affine: got scale 0");
    expect(() => resize(sampleOf(1, 2, 2), [2.5, 1])).toThrow("resize: got size [2.5, 1], expected an integer from 1, or [height, width]");
    expect(() => randomResizedCrop(2, { scale: [0, 1] })).toThrow("randomResizedCrop: got scale [0, 1], expected [least, most] above 0");
  });
});

describe("mixup and cutmix", () => {
  const samples = [0, 1, 2].map((i) => ({
    ...grey(
      4,
      6,
      Array.from({ length: 24 }, () => 50 * (i + 1)),
    ),
    label: i,
  }));

  test("mixup gives means, of the share that the weights say", () => {
    const { pictures, labels, otherLabels, weights } = mixup()(samples, batchRandomOf(1, 0, 0));
    expect([...labels]).toEqual([0, 1, 2]);
    expect([...otherLabels]).toEqual([1, 2, 0]);
    const weight = weights[0] as number;
    expect(weight > 0 && weight < 1).toBe(true);
    expect(pictures.map(({ pixels }) => pixels[0])).toEqual([100 - 50 * weight, 150 - 50 * weight, 50 + 100 * weight].map(Math.round));
  });

  test("cutmix pastes a rectangle, of the area that the weights say", () => {
    for (let batch = 0; batch < 30; batch++) {
      const { pictures, weights } = cutmix()(samples, batchRandomOf(1, 0, batch));
      const { pixels } = pictures[0] as data.augment.Picture;
      const kept = pixels.filter((value) => value === 50).length;
      expect(kept / 24).toBeCloseTo(weights[0] as number, 6);
      const box = boxAround(pixels, 6, (value) => value === 100) ?? [0, 0, 0, 0];
      expect(((box[2] as number) - (box[0] as number)) * ((box[3] as number) - (box[1] as number))).toBe(24 - kept);
    }
  });

  test.each([0.01, 0.2, 1, 4])("shares follow the beta distribution of alpha %f", (alpha) => {
    const count = 4000;
    const shares = Array.from({ length: count }, (_, batch) => mixup({ alpha })(samples, batchRandomOf(0, 0, batch)).weights[0] as number);
    const mean = shares.reduce((sum, share) => sum + share, 0) / count;
    const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / count;
    // The closed forms: 1/2 and 1 / (4 (2 alpha + 1)).
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / count));
    expect(variance).toBeCloseTo(1 / (4 * (2 * alpha + 1)), 1.6);
  });

  test("the loss is that of both classes by their weights", async () => {
    const logits = tensor([
      [1, 2, 0],
      [0, 1, 3],
    ]);
    const mixed = {
      labels: tensor([0, 2], { dtype: "int32" }),
      otherLabels: tensor([1, 0], { dtype: "int32" }),
      weights: tensor([1, 0.25]),
    };
    const loss = async (row: number[], label: number) =>
      Number(await crossEntropy(tensor([row]), tensor([label], { dtype: "int32" })).item());
    const expected = (await loss([1, 2, 0], 0)) + 0.25 * (await loss([0, 1, 3], 2)) + 0.75 * (await loss([0, 1, 3], 0));
    expect(Number(await mixedCrossEntropy(logits, mixed).item())).toBeCloseTo(expected / 2, 6);
  });

  test("of one size, at least one, and with an alpha", () => {
    const random = batchRandomOf(0, 0, 0);
    expect(() => mixup({ alpha: 0 })).toThrow("mixup: got alpha 0, expected a number above 0");
    expect(() => cutmix()([], random)).toThrow("cutmix: got no samples");
    expect(() => mixup()([...samples, { ...grey(1, 1, [0]), label: 0 }], random)).toThrow(
      "mixup: picture 3 is [1, 1, 1], picture 0 [1, 4, 6]",
    );
    expect(() => batchRandomOf(0, 0.5, 0)).toThrow("batchRandomOf: got epoch 0.5 and batch 0, expected integers from 0 to 2^31 - 1");
    expect(stackPictures(mixup()(samples, random).pictures).shape).toEqual([3, 1, 4, 6]);
  });
});
