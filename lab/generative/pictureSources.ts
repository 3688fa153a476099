import { existsSync } from "node:fs";
import { join } from "node:path";
import { check, data, type Tensor } from "kasane";
import { datasets, files } from "kasane/node";
import { z } from "zod";
import type { PredictContext } from "../context.js";
import * as option from "../options.js";
import { type Pictures, part, pictureSize } from "./pictures.js";

const { height, width } = pictureSize;

/** The most bytes that a file of pictures may have. */
const mostBytes = 2 ** 28;

/** The datasets that are found by name, and what their classes are called. */
const known = {
  mnist: { dataset: datasets.mnist, classNames: [..."0123456789"] },
  fashion: { dataset: datasets.fashionMnist, classNames: datasets.fashionMnistClasses },
} as const;

/**
 * `--images`: MNIST, Fashion-MNIST or the user's own.
 * @param ofClasses how many classes it must have, such as ` of ten classes`
 */
export const images = (ofClasses = "") =>
  option.fixed(
    option.path(
      z
        .string()
        .min(1)
        .describe(
          `mnist, fashion, or a folder${ofClasses}: of files named as MNIST's (train-images-idx3-ubyte and so on, .gz or not, 28x28 pixels), of train.csv ` +
            "and test.csv (label, then pixels), or of train/CLASS/NAME.png and test/CLASS/NAME.png, which are made grey and 28x28",
        ),
      ...Object.keys(known),
    ),
  );

/** The two parts of a dataset. */
interface Parts {
  readonly train: Pictures;
  readonly test: Pictures;
  /** In the order of the labels. */
  readonly classNames: readonly string[];
}

/**
 * The pictures to train on, and those to judge by: the test pictures, or where `heldOut` is above 0 so many of the last training pictures in
 * their place, which are then not trained on.
 * @param source as {@link images} describes it
 */
export async function readPictures(context: PredictContext, source: string, heldOut: number): Promise<Parts> {
  const parts = await readParts(context, source);
  if (heldOut === 0) return parts;
  const { train, classNames } = parts;
  check(heldOut < train.count, () => `--held-out ${heldOut}: there are ${train.count} training pictures`);
  return { train: part(train, 0, train.count - heldOut), test: part(train, train.count - heldOut, train.count), classNames };
}

/** {@link readPictures} for what is made for ten classes. */
export async function readTenClasses(context: PredictContext, source: string, heldOut: number): Promise<Parts> {
  const parts = await readPictures(context, source, heldOut);
  check(
    parts.classNames.length === 10,
    () =>
      `--images ${source}: got ${parts.classNames.length} classes, expected ten: name a folder of ten (fashion and mnist learn any number)`,
  );
  return parts;
}

async function readParts(context: PredictContext, source: string): Promise<Parts> {
  if (Object.hasOwn(known, source)) {
    const { dataset, classNames } = known[source as keyof typeof known];
    return { ...(await idxParts(await context.dataset(dataset))), classNames };
  }
  if (existsSync(join(source, "train.csv")))
    return numbered(await pixelsOf(join(source, "train.csv")), await pixelsOf(join(source, "test.csv")));
  if (existsSync(join(source, "train"))) return classFolders(source);
  const { train, test } = await idxParts(filesIn(source), source);
  return numbered(train, test);
}

/** Parts whose classes have no names but their numbers. */
function numbered(train: Pictures, test: Pictures): Parts {
  const most = train.labels.reduce((label, each) => Math.max(label, each), 0);
  check(
    test.labels.every((label) => label <= most),
    () => `--images: the test pictures are of classes up to ${Math.max(...test.labels)}, those to train on up to ${most}`,
  );
  return { train, test, classNames: Array.from({ length: most + 1 }, (_, label) => `${label}`) };
}

/** The files of a folder that have the names of MNIST's. */
function filesIn(folder: string): Map<string, Uint8Array> {
  const names = Object.keys(datasets.mnist.files);
  const found = names.flatMap((name) => {
    const bytes = files.readIfThere(join(folder, name), mostBytes) ?? files.readIfThere(join(folder, `${name}.gz`), mostBytes);
    return bytes ? [[name, bytes] as const] : [];
  });
  const missing = names.filter((name) => !found.some(([there]) => there === name));
  check(
    missing.length === 0,
    () => `--images ${folder}: expected mnist, fashion or a folder; it has neither train/ nor train.csv, and lacks ${missing.join(", ")}`,
  );
  return new Map(found);
}

async function idxParts(from: Map<string, Uint8Array>, folder?: string): Promise<Pick<Parts, "train" | "test">> {
  const { train, test } = datasets.readMnist(from, folder);
  return { train: await picturesOf(train.images, train.labels), test: await picturesOf(test.images, test.labels) };
}

async function pixelsOf(file: string): Promise<Pictures> {
  const { images, labels } = datasets.readPixelCsv(file);
  check(labels !== undefined, () => `--images: ${file} has no column label`);
  return picturesOf(images, labels);
}

async function picturesOf(images: Tensor, labels: Tensor): Promise<Pictures> {
  const [count, tall, wide] = images.shape as [number, number, number];
  check(
    tall === height && wide === width && count > 0,
    () => `--images: got ${count} pictures of ${tall}x${wide} pixels, expected some of ${height}x${width}`,
  );
  const [pixels, of] = await Promise.all([images.data(), labels.data()]);
  return { count, height, width, pixels: pixels as Uint8Array<ArrayBuffer>, labels: of as Uint8Array<ArrayBuffer> };
}

/** The pictures of `train/` and `test/`, which have a folder for each class. */
function classFolders(folder: string): Parts {
  const { classes, files: train } = datasets.findClassFolders(join(folder, "train"));
  check(classes.length <= 256, () => `--images ${folder}: got ${classes.length} classes, expected 256 at most`);
  const { files: test } = datasets.findClassFolders(join(folder, "test"), { classes });
  return { train: readAll(train), test: readAll(test), classNames: classes };
}

function readAll(found: readonly datasets.LabelledFile[]): Pictures {
  const size = height * width;
  const pixels = new Uint8Array(found.length * size);
  const labels = new Uint8Array(found.length);
  // In an order of which every part has all classes.
  const [order = []] = data.batches(found.length, { batchSize: found.length, seed: 0 });
  order.forEach((index, i) => {
    const { file, label } = found[index] as datasets.LabelledFile;
    // Photographs are large: no more than one is in memory.
    const { picture } = data.augment.resize({ picture: datasets.readPicture(file, 1) }, [height, width]);
    pixels.set(picture.pixels, i * size);
    labels[i] = label;
  });
  return { count: found.length, height, width, pixels, labels };
}
