import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { files } from "kasane/node";
import { describe, expect, it } from "vitest";
import type { PredictContext } from "../../../lab/context.js";
import { readPictures, readTenClasses } from "../../../lab/generative/pictureSources.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, folderOf } from "../recurrent/interruption.js";
import { writePictures } from "./pictureFiles.js";

const parent = temporaryFolder();
/** Only the datasets that are known by name ask it. */
const context = {} as PredictContext;

/** A colour picture, light above or below, of 40x56 pixels. */
function half(isUpper: boolean, light: number): Uint8Array {
  const data = new Uint8Array(3 * 40 * 56);
  data.fill(light, isUpper ? 0 : data.length / 2, isUpper ? data.length / 2 : data.length);
  return files.encodePng({ height: 40, width: 56, channels: 3, data });
}

function writeFolders(name: string, counts: Readonly<Record<string, number>>): string {
  const folder = join(parent, name);
  for (const [part, count] of Object.entries(counts)) {
    for (const of of ["lower", "upper"]) {
      const place = join(folder, part, of);
      mkdirSync(place, { recursive: true });
      for (let i = 0; i < count; i++) writeFileSync(join(place, `${i}.png`), half(of === "upper", 200 + i));
    }
  }
  return folder;
}

const csvOf = (labels: readonly number[], columns = 784) =>
  [
    ["label", ...Array.from({ length: columns }, (_, i) => `pixel${i}`)],
    ...labels.map((label) => [label, ...Array.from({ length: columns }, (_, i) => (i + label) % 256)]),
  ]
    .map((row) => row.join(","))
    .join("\n");

function writeCsv(name: string, train: string, test?: string): string {
  const folder = join(parent, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "train.csv"), train);
  if (test !== undefined) writeFileSync(join(folder, "test.csv"), test);
  return folder;
}

describe("class folders", () => {
  const folder = writeFolders("halves", { train: 12, test: 3 });

  it("are grey pictures of 28x28, and those held out are of all classes", async () => {
    const { train, test, classNames } = await readPictures(context, folder, 0);
    expect(classNames).toEqual(["lower", "upper"]);
    expect([train.count, test.count, train.height, train.width]).toEqual([24, 6, 28, 28]);
    for (const { count, pixels, labels } of [train, test]) {
      for (let i = 0; i < count; i++) {
        const rows = [pixels[784 * i + 14 * 3], pixels[784 * i + 784 - 14 * 3]].map((value) => (value as number) >= 200);
        expect(rows).toEqual(labels[i] === 1 ? [true, false] : [false, true]);
      }
    }
    const { test: held } = await readPictures(context, folder, 8);
    expect(new Set(held.labels)).toEqual(new Set([0, 1]));
  });

  it("are learnt and told by their names", async () => {
    const words = [
      "fashion",
      "--quick",
      "--images",
      folder,
      "--batch-size",
      "8",
      "--epochs",
      "20",
      "--learning-rate",
      "0.02",
      "--threads",
      "1",
    ];
    const { code, stdout } = await kasane(["run", ...words, "--json", "--runs", parent]);
    expect(code).toBe(0);
    expect(eventsOf(stdout, "test")[0]?.accuracy).toBe(1);
    writeFileSync(join(parent, "new.png"), half(true, 206));
    const predicted = await kasane(["predict", folderOf(stdout), join(parent, "new.png"), "--json", "--runs", parent]);
    expect(predicted.stdout).toContain('"classes":[{"name":"upper",');
  });

  it("are refused where a class is not there to learn from", async () => {
    const other = writeFolders("other", { train: 1, test: 1 });
    mkdirSync(join(other, "test", "middle"));
    writeFileSync(join(other, "test", "middle", "0.png"), half(true, 1));
    await expect(readPictures(context, other, 0)).rejects.toThrow("its folder is none of the classes");
    await expect(readTenClasses(context, folder, 0)).rejects.toThrow("got 2 classes, expected ten: name a folder of ten");
  });
});

describe("tables of pixels", () => {
  it("are pictures whose classes are numbers", async () => {
    const folder = writeCsv("table", csvOf([2, 0, 1]), csvOf([1]));
    const { train, test, classNames } = await readPictures(context, folder, 0);
    expect(classNames).toEqual(["0", "1", "2"]);
    expect([...train.labels, ...test.labels]).toEqual([2, 0, 1, 1]);
    expect([train.pixels[0], train.pixels[784], test.pixels[783]]).toEqual([2, 0, 784 % 256]);
  });

  it.each([
    ["unlabelled", "pixel0\n1", csvOf([0]), "train.csv has no column label"],
    ["square", csvOf([0], 100), csvOf([0]), "got 1 pictures of 10x10 pixels, expected some of 28x28"],
    ["alone", csvOf([0]), undefined, "test.csv: no such file"],
    ["unknown", csvOf([0, 1]), csvOf([5]), "the test pictures are of classes up to 5, those to train on up to 1"],
  ])("are refused in one line: %s", async (name, train, test, message) => {
    await expect(readPictures(context, writeCsv(name, train, test), 0)).rejects.toThrow(message);
  });
});

it("a damaged file of MNIST's form is named", async () => {
  const folder = join(parent, "damaged");
  mkdirSync(folder);
  writePictures(folder, { train: 20, t10k: 10 });
  const file = join(folder, "t10k-labels-idx1-ubyte");
  writeFileSync(file, "no labels");
  await expect(readPictures(context, folder, 0)).rejects.toThrow(`${file}: IDX: the file does not begin as one of unsigned bytes does`);
});
