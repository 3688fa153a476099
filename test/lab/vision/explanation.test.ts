import { concat, models, type Tensor, tensor } from "kasane";
import { files } from "kasane/node";
import { expect, it } from "vitest";
import { drawExplanation, explainerOf } from "../../../lab/vision/explanation.js";

/** Tells whether an image is bright, from the image and its negative. */
class Brightness extends models.ImageClassifier {
  constructor() {
    super({ classes: 2, imageChannels: 1 });
  }

  features(images: Tensor): Tensor {
    return concat([images, images.mul(-1)], { axis: 1 });
  }

  classify(maps: Tensor): Tensor {
    return maps.mean({ axis: [2, 3] }).mul(tensor([40, 20]));
  }
}

/** Black but for a bright square and a less bright one. */
const picture = { pixels: new Uint8Array(20 * 24), channels: 1, height: 20, width: 24 };
for (let y = 4; y < 8; y++) picture.pixels.fill(240, y * 24 + 4, y * 24 + 8);
for (let y = 12; y < 16; y++) picture.pixels.fill(60, y * 24 + 16, y * 24 + 20);

const explain = explainerOf({ model: new Brightness(), scale: { mean: 0, deviation: 1 } }, "cpu");

it("Grad-CAM shows the maps by what raises the logit", async () => {
  // The logit of brightness is 40 times the mean of the image: each place counts as much as it is bright.
  const { gradCam } = await explain(picture, 0);
  gradCam.forEach((value, i) => expect(value).toBeCloseTo((picture.pixels[i] as number) / 240, 5));
  // That of darkness rises with the negative alone, which is nowhere above 0.
  expect((await explain(picture, 1)).gradCam.every((value) => value === 0)).toBe(true);
});

it("Grad-CAM of an ensemble is that of its members' logits, also where it is sure", async () => {
  const model = new models.ClassifierEnsemble([new Brightness(), new Brightness()]);
  const together = explainerOf({ model, scale: { mean: 0, deviation: 1 } }, "cpu");
  for (const of of [0, 1]) expect((await together(picture, of)).gradCam).toEqual((await explain(picture, of)).gradCam);
});

it("occlusion shows what the probability is lost without", async () => {
  const { occlusion } = await explain(picture, 0);
  const at = (y: number, x: number) => occlusion[y * 24 + x] as number;
  expect(Math.max(...occlusion)).toBe(1);
  // Squares are of 5 pixels: only those that cover bright pixels count, and those around the brighter square count most.
  expect(at(5, 5)).toBeGreaterThan(0.9);
  expect(at(13, 17)).toBeGreaterThan(0.1);
  expect(at(13, 17)).toBeLessThan(0.4);
  expect([at(0, 23), at(19, 0), at(13, 10)]).toEqual([0, 0, 0]);
  // Darkness gets more probable with what is bright covered, and nothing is lost.
  expect((await explain(picture, 1)).occlusion.every((value) => value === 0)).toBe(true);
});

it("is drawn beside the picture, brightest where most counted", async () => {
  const drawn = files.decodePicture(drawExplanation(picture, await explain(picture, 0)));
  const scale = Math.round(224 / 24);
  expect([drawn.channels, drawn.height, drawn.width]).toEqual([3, 20 * scale, 3 * 24 * scale + 8]);
  const colourAt = (panel: number, y: number, x: number) =>
    [0, 1, 2].map((c) => drawn.pixels[(c * drawn.height + y * scale) * drawn.width + panel * (24 * scale + 4) + x * scale]);
  expect(colourAt(0, 5, 5)).toEqual([240, 240, 240]);
  // 0.2 of half of 240 and 0.8 of the glow.
  expect(colourAt(1, 5, 5)).toEqual([228, 144, 24]);
  expect(colourAt(2, 0, 23)).toEqual([0, 0, 0]);
});

it("a network that tells classes from no map is named", async () => {
  const small = { classes: 2, imageChannels: 1 };
  const model = new models.VisionTransformer({ ...small, imageSize: 16, patchSize: 8, size: 8, layers: 1, heads: 1, innerSize: 8 });
  const square = { pixels: new Uint8Array(256), channels: 1, height: 16, width: 16 };
  await expect(explainerOf({ model, scale: { mean: 0, deviation: 1 } }, "cpu")(square, 0)).rejects.toThrow(
    "VisionTransformer: the classes are told from the class token, not from the maps of the patches",
  );
});
