import type { LabelledBox, Picture } from "../data/augment/sample.js";
import { decodePicture } from "../files/decodePicture.js";
import { check, excerpt } from "../graph/error.js";
import type { Box } from "../vision/boxes.js";
import { clipBox } from "../vision/boxes.js";
import { readVoc } from "../vision/readVoc.js";
import { readFiles } from "./readFiles.js";

/** An image with its objects, as augmentation takes it. */
export interface DetectionSample {
  /** That of its files, without an ending. */
  readonly name: string;
  readonly picture: Picture;
  /** With those that are difficult, which Pascal VOC's average precision leaves out. */
  readonly boxes: readonly (LabelledBox & { readonly difficult?: boolean })[];
}

/** The parts of a dataset in the order of their lists. */
export interface DetectionDataset {
  readonly train: readonly DetectionSample[];
  readonly val: readonly DetectionSample[];
  readonly test: readonly DetectionSample[];
}

/**
 * Reads a dataset in the form of Pascal VOC: `JPEGImages/NAME.jpg`, `Annotations/NAME.xml`, and `ImageSets/Main/train.txt`, `val.txt` and `test.txt`, which
 * list names. Boxes are brought from the size that an annotation states to the image's own, and cut at its border; those without area are left out.
 * @param path the folder, or a `.tar.gz` of it
 * @param classes their names, in the order of their indices
 * @throws KasaneError where a file is missing or damaged; it names it
 */
export function readPascalVoc(path: string, classes: readonly string[]): DetectionDataset {
  const files = readFiles(path);
  const read = (file: string): Uint8Array => {
    const bytes = files.get(file);
    check(bytes !== undefined, () => `${path}: it lacks ${excerpt(file)}, expected a dataset in the form of Pascal VOC`);
    return bytes;
  };
  const part = (list: string) => {
    const names = new TextDecoder()
      .decode(read(`ImageSets/Main/${list}.txt`))
      .split(/\s+/)
      .filter(Boolean);
    check(names.length > 0, () => `${path}: ImageSets/Main/${list}.txt is empty`);
    return names.map((name) => sampleOf(name, read, classes));
  };
  return { train: part("train"), val: part("val"), test: part("test") };
}

function sampleOf(name: string, read: (file: string) => Uint8Array, classes: readonly string[]): DetectionSample {
  const { width, height, objects } = readVoc(new TextDecoder().decode(read(`Annotations/${name}.xml`)), classes, `${name}.xml`);
  const picture = decodePicture(read(`JPEGImages/${name}.jpg`), `${name}.jpg`, 3);
  const [across, down] = [picture.width / width, picture.height / height];
  const boxes = objects.map(({ box: [x1, y1, x2, y2], ...object }) => {
    const scaled: Box = [x1 * across, y1 * down, x2 * across, y2 * down];
    return { ...object, box: clipBox(scaled, picture.width, picture.height) };
  });
  return { name, picture, boxes: boxes.filter(({ box: [x1, y1, x2, y2] }) => x1 < x2 && y1 < y2) };
}
