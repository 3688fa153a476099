import { check } from "../../graph/error.js";
import { checkOptions } from "../../graph/options.js";
import { showShape } from "../../graph/shape.js";
import { fromData, type Tensor } from "../../graph/tensor.js";
import { hostElements } from "../hostElements.js";
import { type Picture, randomOf, type Sample, type Transform } from "./sample.js";

/**
 * The images of a tensor, without a copy.
 * @param images uint8 `[count, height, width]` or `[count, channels, height, width]`
 */
export function picturesOf(images: Tensor): Picture[] {
  const { shape, rank, dtype } = images;
  check(
    (rank === 3 || rank === 4) && dtype === "uint8",
    () => `picturesOf: got ${dtype} ${showShape(shape)}, expected uint8 [count, height, width] or [count, channels, height, width]`,
  );
  const [count, channels, height, width] = (rank === 3 ? [shape[0], 1, shape[1], shape[2]] : shape) as [number, number, number, number];
  const elements = hostElements("picturesOf", images) as Uint8Array;
  const size = channels * height * width;
  return Array.from({ length: count }, (_, i) => ({
    pixels: elements.subarray(i * size, (i + 1) * size),
    channels,
    height,
    width,
  }));
}

/**
 * Pictures of one size as a tensor of bytes: models divide by 255 in the graph.
 * @returns uint8 `[pictures, channels, height, width]`
 * @throws KasaneError where there are none, or their sizes differ
 */
export function stackPictures(pictures: readonly Picture[]): Tensor {
  const [first] = pictures;
  check(first !== undefined, () => "stackPictures: got no pictures");
  const { channels, height, width } = first;
  const size = channels * height * width;
  const bytes = new Uint8Array(pictures.length * size);
  pictures.forEach((picture, i) => {
    check(
      picture.channels === channels && picture.height === height && picture.width === width && picture.pixels.length === size,
      () =>
        `stackPictures: picture ${i} is [${picture.channels}, ${picture.height}, ${picture.width}] and picture 0 [${channels}, ${height}, ` +
        `${width}]: crop or resize them to one size`,
    );
    bytes.set(picture.pixels, i * size);
  });
  return fromData(bytes, [pictures.length, channels, height, width], "uint8");
}

/**
 * Examples of a dataset transformed, each by the random numbers of its own ({@link randomOf}).
 * @param samples the whole dataset
 * @param indices which examples, as `batches` gives them
 */
export function augmented<S extends Sample>(
  samples: readonly S[],
  indices: ArrayLike<number>,
  transform: Transform,
  options: { readonly seed: number; readonly epoch: number },
): S[] {
  checkOptions("augmented", options, { seed: "required", epoch: "required" });
  const { seed, epoch } = options;
  return Array.from(indices, (index) => {
    const sample = samples[index];
    check(sample !== undefined, () => `augmented: got index ${index}, and there are ${samples.length} samples`);
    return transform(sample, randomOf(seed, epoch, index));
  });
}
