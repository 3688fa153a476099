import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { data } from "../../../src/index.js";

type Picture = data.augment.Picture;

const { augment } = data;

/** Made by test/fixtures/augment.py with torchvision. */
const fixture = JSON.parse(readFileSync(new URL("../../fixtures/augment.json", import.meta.url), "utf8")) as {
  readonly pictures: Readonly<Record<string, Written>>;
  readonly cases: readonly (Written & { readonly function: string; readonly picture: string; readonly argument: unknown })[];
};

interface Written {
  readonly shape: readonly [number, number, number];
  readonly pixels: string;
}

const read = ({ shape, pixels }: Written): Picture => ({
  pixels: Uint8Array.from(Buffer.from(pixels, "hex")),
  channels: shape[0],
  height: shape[1],
  width: shape[2],
});

const ofSample = (change: (sample: data.augment.Sample) => data.augment.Sample) => (picture: Picture) => change({ picture }).picture;

const functions: Readonly<Record<string, (picture: Picture, argument: never) => Picture>> = {
  adjustBrightness: augment.adjustBrightness,
  adjustContrast: augment.adjustContrast,
  adjustSaturation: augment.adjustSaturation,
  adjustHue: augment.adjustHue,
  adjustSharpness: augment.adjustSharpness,
  posterize: augment.posterize,
  solarize: augment.solarize,
  autocontrast: augment.autocontrast,
  equalize: augment.equalize,
  resize: (picture, size: [number, number]) => ofSample((sample) => augment.resize(sample, size))(picture),
  crop: (picture, [top, left, height, width]: [number, number, number, number]) =>
    ofSample((sample) => augment.crop(sample, top, left, [height, width]))(picture),
  affine: (picture, options: data.augment.AffineOptions) => ofSample((sample) => augment.affine(sample, options))(picture),
  turned: (picture, symmetry: number) => ofSample((sample) => augment.turned(sample, symmetry))(picture),
};

/** Functions that compute in float32 there may differ by one level where a value is at the border of two. */
const exact = new Set(["posterize", "solarize", "equalize", "crop", "turned"]);

describe.each(Object.keys(functions))("%s is torchvision's", (name) => {
  const cases = fixture.cases.filter((each) => each.function === name);

  test.each(cases.map((each) => [each.picture, JSON.stringify(each.argument), each] as const))("%s %s", (picture, _, each) => {
    const source = read(fixture.pictures[picture] as Written);
    const made = functions[name]?.(source, each.argument as never) as Picture;
    const expected = read(each);
    expect([made.channels, made.height, made.width]).toEqual([expected.channels, expected.height, expected.width]);
    const off = [...made.pixels].map((value, i) => Math.abs(value - (expected.pixels[i] as number)));
    expect(Math.max(...off)).toBeLessThanOrEqual(exact.has(name) ? 0 : 1);
    expect(off.filter((each) => each > 0).length).toBeLessThanOrEqual(0.02 * off.length);
  });

  test("there are cases of it", () => {
    expect(cases.length).toBeGreaterThan(1);
  });
});
