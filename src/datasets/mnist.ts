import { join } from "node:path";
import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import type { Dataset } from "./dataset.js";
import { readIdx } from "./idx.js";

/** The files of MNIST and of what takes its place: names, and the SHA-256 of what is in each. */
const filesAt = (home: string, sha256: Readonly<Record<string, string>>): Dataset["files"] =>
  Object.fromEntries(Object.entries(sha256).map(([file, hash]) => [file, { url: `${home}/${file}.gz`, sha256: hash }]));

/** MNIST (LeCun, Cortes and Burges 1998): handwritten digits, 60,000 to train on and 10,000 to test. Read its files with {@link readMnist}. */
export const mnist: Dataset = {
  name: "mnist",
  title: "MNIST",
  files: filesAt("https://ossci-datasets.s3.amazonaws.com/mnist", {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
  }),
};

/** Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): grey images of clothes in MNIST's form. Read its files with {@link readMnist}. */
export const fashionMnist: Dataset = {
  name: "fashion-mnist",
  title: "Fashion-MNIST",
  files: filesAt("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com", {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
  }),
};

/** What the images of {@link fashionMnist} show, in the order of the labels. */
export const fashionMnistClasses: readonly string[] = [
  "T-shirt/top",
  "trouser",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle boot",
];

/** Grey images and what they show. */
export interface LabelledImages {
  /** uint8 `[count, height, width]` */
  readonly images: Tensor;
  /** uint8 `[count]` */
  readonly labels: Tensor;
}

/**
 * The training and the test images of MNIST's files.
 * @param files the files, by name, packed by gzip or not
 * @param folder where they lie, for errors
 * @throws KasaneError where a file is missing or not of its format, or images and labels differ in number
 */
export function readMnist(
  files: ReadonlyMap<string, Uint8Array>,
  folder = "",
): { readonly train: LabelledImages; readonly test: LabelledImages } {
  const part = (prefix: string): LabelledImages => {
    const [images, labels] = ["images-idx3-ubyte", "labels-idx1-ubyte"].map((kind) => {
      const file = `${prefix}-${kind}`;
      const bytes = files.get(file);
      check(bytes !== undefined, () => `readMnist: there is no file ${file}`);
      return readIdx(bytes, join(folder, file));
    }) as [Tensor, Tensor];
    check(
      images.rank === 3 && labels.rank === 1 && images.shape[0] === labels.shape[0],
      () => `readMnist: ${prefix} has images ${showShape(images.shape)} and labels ${showShape(labels.shape)}, expected as many of both`,
    );
    return { images, labels };
  };
  return { train: part("train"), test: part("t10k") };
}
