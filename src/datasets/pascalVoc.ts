import { statSync } from "node:fs";
import { join } from "node:path";
import type { LabelledBox, Picture } from "../data/augment/sample.js";
import { decodeJpeg } from "../files/decodeJpeg.js";
import { readIfThere } from "../files/readFile.js";
import { check, excerpt, printable } from "../graph/error.js";
import type { Box } from "../vision/boxes.js";
import { clipBox } from "../vision/boxes.js";
import { readVoc } from "../vision/readVoc.js";
import { readTarGz } from "./tar.js";

/** The most bytes that a file may have. */
const mostBytes = 2 ** 30;

/** An image with its objects, as augmentation takes it. */
export interface DetectionSample {
  /** That of its files, without an ending. */
  readonly name: string;
  readonly picture: Picture;
  readonly boxes: readonly LabelledBox[];
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
 * @param path the folder, or a `.tar.gz` of it, in which all may lie in one folder
 * @param classes their names, in the order of their indices
 * @throws KasaneError where a file is missing or damaged; it names it
 */
export function readPascalVoc(path: string, classes: readonly string[]): DetectionDataset {
  const read = readerOf(path);
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

/** What gives the bytes of a file by its path in the dataset. */
function readerOf(path: string): (file: string) => Uint8Array {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const missing = (file: string) => `${path}: it lacks ${excerpt(file)}, expected a dataset in the form of Pascal VOC`;
  if (isFolder) {
    return (file) => {
      const bytes = readIfThere(join(path, file), mostBytes);
      check(bytes !== undefined, () => missing(file));
      return bytes;
    };
  }
  const packed = readIfThere(path, mostBytes);
  check(packed !== undefined, () => `${path}: no such file: expected a folder or a .tar.gz in the form of Pascal VOC`);
  const files = readTarGz(packed, { name: path });
  const sets = [...files.keys()].find((name) => name.endsWith("ImageSets/Main/train.txt")) ?? "";
  const root = sets.slice(0, -"ImageSets/Main/train.txt".length);
  return (file) => {
    const bytes = files.get(root + file);
    check(bytes !== undefined, () => missing(file));
    return bytes;
  };
}

function sampleOf(name: string, read: (file: string) => Uint8Array, classes: readonly string[]): DetectionSample {
  check(printable(name) === name && !/[/\\]/.test(name), () => `the name "${excerpt(name)}" of an image, expected one without a folder`);
  const { width, height, objects } = readVoc(new TextDecoder().decode(read(`Annotations/${name}.xml`)), classes, `${name}.xml`);
  const picture = decodeJpeg(read(`JPEGImages/${name}.jpg`), `${name}.jpg`);
  const [across, down] = [picture.width / width, picture.height / height];
  const boxes = objects.map(({ class: of, box: [x1, y1, x2, y2] }) => {
    const scaled: Box = [x1 * across, y1 * down, x2 * across, y2 * down];
    return { class: of, box: clipBox(scaled, picture.width, picture.height) };
  });
  return { name, picture, boxes: boxes.filter(({ box: [x1, y1, x2, y2] }) => x1 < x2 && y1 < y2) };
}
