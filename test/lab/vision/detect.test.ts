import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "jpeg-js";
import { vision } from "kasane";
import { datasets, files } from "kasane/node";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { truthsOf } from "../../../lab/vision/detection.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";
import { cellClasses, writeCells } from "./cellPictures.js";

/** Planes of 48x64 as pixels of three values. */
const interleaved = (planes: Uint8Array): Uint8Array => planes.map((_, i) => planes[(i % 3) * 48 * 64 + Math.floor(i / 3)] as number);

/** A line of `predict --json`. */
interface Prediction {
  readonly picture: string;
  readonly png: string;
  readonly svg: string;
  readonly objects: readonly { readonly class: string; readonly score: number; readonly box: readonly number[] }[];
}

const parent = temporaryFolder();
const cells = join(parent, "cells");
const small = ["run", "detect", "--images", cells, "--classes", cellClasses.join(","), "--width", "4", "--crop", "48", "--threads", "1"];

beforeAll(() => writeCells(cells, { train: 16, val: 4, test: 4 }));

describe("detect", () => {
  it("finds what it has learnt to find", async () => {
    const words = [
      ...small,
      "--workers",
      "0",
      "--epochs",
      "40",
      "--learning-rate",
      "0.005",
      "--validate-every",
      "20",
      "--json",
      "--runs",
      parent,
    ];
    const { code, stdout } = await kasane(words);
    expect(code).toBe(0);
    expect(eventsOf(stdout, "waiting")).toEqual([{ event: "waiting", batches: 160, seconds: expect.any(Number) }]);
    const [figures] = eventsOf(stdout, "test");
    // Chance finds next to nothing.
    expect(figures?.mAP50).toBeGreaterThan(0.9);
    expect(figures?.mAP).toBeGreaterThan(0.5);
    const folder = folderOf(stdout);
    for (const name of ["examples.png", "mistakes.svg", "precision.svg", "precision-recall.svg"])
      expect(existsSync(join(folder, name))).toBe(true);

    // A folder of a picture, and of the same twice as large: it has the same objects, twice as large.
    const shown = join(parent, "shown");
    mkdirSync(shown);
    copyFileSync(join(cells, "JPEGImages/test0.jpg"), join(shown, "test0.jpg"));
    const { pixels } = files.decodePicture(readFileSync(join(shown, "test0.jpg")), "test0.jpg", 3);
    const large = Uint8Array.from({ length: 4 * 96 * 128 }, (_, i) => {
      const [x, y] = [Math.floor(i / 4) % 128, Math.floor(i / 4 / 128)];
      return pixels[((i % 4) * 48 + Math.floor(y / 2)) * 64 + Math.floor(x / 2)] ?? 255;
    });
    writeFileSync(join(shown, "large.jpg"), encode({ width: 128, height: 96, data: large }, 95).data);
    const predicted = await kasane(["predict", folder, shown, "--json", "--runs", parent]);
    const [two, one] = eventsOf(predicted.stdout, "prediction") as unknown as [Prediction, Prediction];
    expect([one.picture, two.picture]).toEqual(["test0", "large"]);
    expect(one.objects.map((object) => object.class).sort()).toEqual(["disc", "square"]);
    for (const { class: of, box } of one.objects) {
      const same = two.objects.find((object) => object.class === of);
      expect(vision.iou(box.map((value) => 2 * value) as unknown as vision.Box, same?.box as unknown as vision.Box)).toBeGreaterThan(0.85);
    }
    // Files that differ in their form alone are drawn into files of their own.
    writeFileSync(join(shown, "test0.png"), files.encodePng({ height: 48, width: 64, channels: 3, data: interleaved(pixels) }));
    const twice = await kasane(["predict", folder, shown, "--json", "--runs", parent]);
    const names = (eventsOf(twice.stdout, "prediction") as unknown as Prediction[]).map(({ picture }) => picture);
    expect(names).toEqual(["large", "test0", "test0.png"]);
    expect(readFileSync(one.png).subarray(1, 4).toString()).toBe("PNG");
    expect(readFileSync(one.svg, "utf8")).toContain("disc: 1");

    // The file decodes and suppresses by itself: ONNX Runtime finds what the command finds.
    const session = await ort.InferenceSession.create(join(folder, "detector.onnx"));
    const { boxes, scores } = await session.run({ pixels: new ort.Tensor("uint8", pixels, [1, 3, 48, 64]) });
    one.objects.forEach(({ score, box }, i) => {
      expect(scores?.data[i]).toBeCloseTo(score, 5);
      box.forEach((value, side) => expect(boxes?.data[4 * i + side]).toBeCloseTo(value, 2));
    });

    const wrong = await kasane(["predict", folder, join(parent, "nothing.jpg"), "--runs", parent]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("nothing.jpg: no such file or folder: expected a picture") });
    const broken = await kasane(["predict", folder, join(cells, "Annotations/test0.xml"), "--runs", parent]);
    expect(broken).toMatchObject({ code: 2, stderr: expect.stringContaining("neither a JPEG nor a PNG file") });
  });

  it("goes on to the bit after an interrupt", () =>
    expectSameWhenResumed([...small, "--workers", "0", "--epochs", "4", "--validate-every", "2"], parent, 2));

  it.each([
    [["--images", join(parent, "nowhere")], "no such file: expected a folder or a .tar.gz"],
    [["--classes", "disc,cube"], "unknown class"],
    [["--batch-size", "17"], "--batch-size 17: there are 16 training pictures"],
    [["--crop", "50"], "--crop"],
  ])("refuses %j in one line", async (words, message) => {
    const { code, stderr } = await kasane([...small, ...words, "--runs", parent]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

it("says where the dataset is to be put", async () => {
  const { code, stderr } = await kasane(["run", "detect", "--data", parent, "--runs", parent]);
  expect(code).toBe(2);
  expect(stderr).toContain(`bccd-320x240.tar.gz is not found: put it into ${parent} or`);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

describe("readPascalVoc", () => {
  it("brings boxes to the size of the pictures", () => {
    const { train, val, test } = datasets.readPascalVoc(cells, cellClasses);
    expect([train.length, val.length, test.length]).toEqual([16, 4, 4]);
    const [first] = train;
    expect(first?.picture).toMatchObject({ width: 64, height: 48, channels: 3 });
    for (const { box, class: of } of first?.boxes ?? []) {
      const [x1, y1, x2, y2] = box;
      expect(x2 - x1).toBe(y2 - y1);
      // The middle of the disc is red, that of the square blue.
      const at = Math.round((y1 + y2) / 2) * 64 + Math.round((x1 + x2) / 2);
      const [red, , blue] = [0, 1, 2].map((channel) => first?.picture.pixels[channel * 64 * 48 + at] as number) as [number, number, number];
      expect(of === 0 ? red - blue : blue - red).toBeGreaterThan(80);
    }
  });

  it("keeps which objects are difficult", () => {
    const folder = join(parent, "difficult");
    mkdirSync(folder);
    writeCells(folder, { train: 1, val: 1, test: 1 });
    const file = join(folder, "Annotations/test0.xml");
    writeFileSync(file, readFileSync(file, "utf8").replace("</name>", "</name><difficult>1</difficult>"));
    const { test } = datasets.readPascalVoc(folder, cellClasses);
    expect(test[0]?.boxes.map(({ difficult }) => difficult ?? false)).toEqual(test[0]?.boxes.map((_, i) => i === 0));
    expect(truthsOf(test)[0]).toMatchObject({ image: 0, difficult: true });
  });

  it.each([
    ["a missing picture", (folder: string) => rmSync(join(folder, "JPEGImages/test0.jpg")), "it lacks JPEGImages/test0.jpg"],
    [
      "a broken one",
      (folder: string) => writeFileSync(join(folder, "JPEGImages/test0.jpg"), "GIF89a"),
      "test0.jpg: neither a JPEG nor a PNG file",
    ],
    [
      "one cut off",
      (folder: string) => writeFileSync(join(folder, "JPEGImages/test0.jpg"), Buffer.from("ffd8ffe0", "hex")),
      "test0.jpg: not a readable JPEG",
    ],
    ["an empty list", (folder: string) => writeFileSync(join(folder, "ImageSets/Main/val.txt"), "\n"), "val.txt is empty"],
    [
      "a name that leads elsewhere",
      (folder: string) => writeFileSync(join(folder, "ImageSets/Main/val.txt"), "../x"),
      "it lacks Annotations/../x.xml",
    ],
  ])("refuses %s in one line", (_, spoil, message) => {
    const folder = join(parent, message.replace(/\W/g, ""));
    mkdirSync(folder);
    writeCells(folder, { train: 1, val: 1, test: 1 });
    spoil(folder);
    expect(() => datasets.readPascalVoc(folder, cellClasses)).toThrow(message);
  });
});
