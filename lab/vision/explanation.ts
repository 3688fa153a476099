import { compile, type Device, data, grad, relu, type Tensor, takeAlongAxis, tensor, unsqueeze, upsample } from "kasane";
import { files } from "kasane/node";
import { type Classifier, inputOf, logitsOf } from "./classifier.js";

type Picture = data.augment.Picture;

/** What of a picture a network told its class from: `height * width` values, 1 where it counted most. */
export interface Explanation {
  /**
   * How much the last maps, where they are active, raise the class's logit (Selvaraju et al. 2017, Grad-CAM, equations 1 and 2); of an ensemble the
   * sum of its members' logits, whose gradient, unlike that of its log-probabilities, does not vanish where it is sure.
   */
  readonly gradCam: Float32Array;
  /** How much less probable the class is with a square of the picture covered (Zeiler and Fergus 2014, section 4.2). */
  readonly occlusion: Float32Array;
}

const stacked = (picture: Picture): Tensor => data.augment.stackPictures([picture]);

/** A function that explains why a classifier takes a picture for a class. */
export function explainerOf(classifier: Classifier, device: Device): (picture: Picture, of: number) => Promise<Explanation> {
  const { model } = classifier;
  const gradCam = compile(
    (pixels: Tensor, classes: Tensor) => {
      const maps = model.features(inputOf(classifier, pixels));
      const logits = model.memberClassify(maps).reduce((sum, each) => sum.add(each));
      const logit = takeAlongAxis(logits, unsqueeze(classes, { axis: 1 })).sum();
      // What each map counts is the mean of the logit's gradient over its places.
      const counts = grad(logit, maps).mean({ axis: [2, 3], keepDims: true });
      const active = relu(maps.mul(counts).sum({ axis: 1, keepDims: true }));
      return upsample(active, { size: pixels.shape.slice(2), mode: "linear" });
    },
    { device },
  );
  const probabilities = compile((pixels: Tensor) => logitsOf(classifier, pixels).softmax(), { device });
  const probabilityOf = async (pixels: Tensor, of: number): Promise<Float32Array> => {
    const all = (await (await probabilities(pixels)).data()) as Float32Array;
    return Float32Array.from({ length: all.length / model.classes }, (_, row) => all[row * model.classes + of] as number);
  };
  return async (picture, of) => {
    const looked = (await (await gradCam(stacked(picture), tensor([of], { dtype: "int32" }))).data()) as Float32Array;
    const [whole] = await probabilityOf(stacked(picture), of);
    const covered = await occlusionOf(picture, 255 * classifier.scale.mean, async (pixels) =>
      (await probabilityOf(pixels, of)).map((probability) => (whole as number) - probability),
    );
    return { gradCam: toOne(looked), occlusion: toOne(covered) };
  };
}

/** Values so that the largest is 1; what is below 0 becomes 0. */
function toOne(values: Float32Array): Float32Array {
  const largest = values.reduce((a, b) => Math.max(a, b), 0);
  return values.map((value) => (largest > 0 ? Math.max(value, 0) / largest : 0));
}

/** Covered pictures that are judged at once. */
const atOnce = 64;

/**
 * Of each pixel the mean of what is lost by covering a square that it lies in. Squares reach beyond the border, so that each pixel lies in about as many.
 * @param cover the value of the pixels of a square
 * @param lost what each of some pictures `[batch, channels, height, width]` loses
 */
async function occlusionOf(
  { pixels, channels, height, width }: Picture,
  cover: number,
  lost: (pixels: Tensor) => Promise<Float32Array>,
): Promise<Float32Array> {
  const side = Math.max(1, Math.round(Math.min(height, width) / 4));
  const step = Math.max(1, Math.round(side / 3));
  const places = (size: number) => Array.from({ length: Math.ceil((size + side - 1) / step) }, (_, i) => i * step - side + 1);
  const squares = places(height).flatMap((top) =>
    places(width).map((left) => ({
      rows: [Math.max(top, 0), Math.min(top + side, height)] as const,
      columns: [Math.max(left, 0), Math.min(left + side, width)] as const,
    })),
  );
  const [sums, counts] = [new Float32Array(height * width), new Float32Array(height * width)];
  for (let start = 0; start < squares.length; start += atOnce) {
    const some = squares.slice(start, start + atOnce);
    const covered = new Uint8Array(some.length * pixels.length);
    some.forEach(({ rows, columns }, i) => {
      covered.set(pixels, i * pixels.length);
      for (let channel = 0; channel < channels; channel++) {
        for (let y = rows[0]; y < rows[1]; y++) {
          const row = i * pixels.length + (channel * height + y) * width;
          covered.fill(Math.round(cover), row + columns[0], row + columns[1]);
        }
      }
    });
    const losses = await lost(tensor(covered, { shape: [some.length, channels, height, width] }));
    some.forEach(({ rows, columns }, i) => {
      for (let y = rows[0]; y < rows[1]; y++) {
        for (let at = y * width + columns[0]; at < y * width + columns[1]; at++) {
          sums[at] = (sums[at] as number) + (losses[i] as number);
          counts[at] = (counts[at] as number) + 1;
        }
      }
    });
  }
  return sums.map((sum, i) => sum / (counts[i] as number));
}

/** The colour that lies over what counted most. */
const glow = [255, 150, 0] as const;

/** A picture, then with Grad-CAM and with occlusion over it, as the bytes of a PNG file: the brighter the orange, the more a place counted. */
export function drawExplanation({ pixels, channels, height, width }: Picture, { gradCam, occlusion }: Explanation): Uint8Array {
  const scale = Math.max(1, Math.round(224 / Math.max(height, width)));
  const panels = [undefined, gradCam, occlusion];
  const [tall, wide, gap] = [height * scale, width * scale, 4];
  const stride = panels.length * wide + (panels.length - 1) * gap;
  const drawn = new Uint8Array(3 * tall * stride).fill(255);
  panels.forEach((heat, panel) => {
    for (let y = 0; y < tall; y++) {
      for (let x = 0; x < wide; x++) {
        const place = Math.floor(y / scale) * width + Math.floor(x / scale);
        // Below the glow the picture is darker, so that lightness tells the same as the colour.
        const [dim, cover] = heat ? [0.5, 0.8 * (heat[place] as number)] : [1, 0];
        for (let channel = 0; channel < 3; channel++) {
          const value = dim * (pixels[(channel % channels) * height * width + place] as number);
          drawn[3 * (y * stride + panel * (wide + gap) + x) + channel] = Math.round(
            (1 - cover) * value + cover * (glow[channel] as number),
          );
        }
      }
    }
  });
  return files.encodePng({ height: tall, width: stride, channels: 3, data: drawn });
}
