import type { Picture } from "../data/augment/sample.js";
import { decodePicture } from "../files/decodePicture.js";
import { decodeMask } from "../files/decodePng.js";
import { check, excerpt } from "../graph/error.js";
import { readFiles } from "./readFiles.js";

/** An image with the class of each pixel, as augmentation takes it. */
export interface SegmentationSample {
  /** That of its files, without an ending. */
  readonly name: string;
  readonly picture: Picture;
  readonly mask: Uint8Array;
}

/** The parts of a dataset, in the order of the names. */
export interface SegmentationDataset {
  readonly train: readonly SegmentationSample[];
  readonly val: readonly SegmentationSample[];
  readonly test: readonly SegmentationSample[];
}

/**
 * Reads a dataset in the form that SegNet's authors gave CamVid: images `train/NAME.jpg` (or `.png`), the class of each of their pixels
 * `trainannot/NAME.png`, and so for `val` and `test`. Images are read in colours.
 * @param path the folder, or a `.tar.gz` of it
 * @param classes how many there are
 * @param ignored what a pixel is that belongs to none
 * @throws KasaneError where a file is missing or damaged, sizes differ or a pixel is of no class; it names it
 */
export function readSegmented(path: string, classes: number, ignored: number): SegmentationDataset {
  const files = readFiles(path);
  const part = (folder: string): SegmentationSample[] => {
    const image = new RegExp(`^${folder}/[^/]+\\.(?:jpe?g|png)$`, "i");
    const names = [...files.keys()].filter((file) => image.test(file));
    check(names.length > 0, () => `${path}: no image is in ${folder}/: expected ${folder}/NAME.jpg and ${folder}annot/NAME.png`);
    return names.map((file) => {
      const name = file.slice(folder.length + 1, file.lastIndexOf("."));
      const marks = `${folder}annot/${name}.png`;
      const annotated = files.get(marks);
      check(annotated !== undefined, () => `${path}: ${excerpt(file)} has no ${excerpt(marks)}`);
      const picture = decodePicture(files.get(file) as Uint8Array, file, 3);
      const { mask, height, width } = decodeMask(annotated, marks);
      check(
        height === picture.height && width === picture.width,
        () =>
          `${excerpt(marks)} has ${height} x ${width} pixels and ${excerpt(file)} ${picture.height} x ${picture.width}: expected as many`,
      );
      const strange = mask.find((value) => value >= classes && value !== ignored);
      check(strange === undefined, () => `${excerpt(marks)}: class ${strange}, expected 0 to ${classes - 1}, or ${ignored} for none`);
      return { name, picture, mask };
    });
  };
  return { train: part("train"), val: part("val"), test: part("test") };
}
