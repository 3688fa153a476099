import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { datasets } from "kasane/node";
import { beforeAll, describe, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed } from "../recurrent/interruption.js";
import { cellClasses, writeCells } from "./cellPictures.js";

const parent = temporaryFolder();
const cells = join(parent, "cells");
const small = ["run", "detect", "--images", cells, "--classes", cellClasses.join(","), "--width", "4", "--crop", "48", "--threads", "1"];

beforeAll(() => writeCells(cells, { train: 16, val: 4, test: 4 }));

describe("detect", () => {
  it("finds what it has learnt to find", async () => {
    const words = [...small, "--epochs", "40", "--learning-rate", "0.01", "--validate-every", "20", "--json", "--runs", parent];
    const { code, stdout } = await kasane(words);
    expect(code).toBe(0);
    const [figures] = eventsOf(stdout, "test");
    // Chance finds next to nothing.
    expect(figures?.mAP50).toBeGreaterThan(0.9);
    expect(figures?.mAP).toBeGreaterThan(0.5);
  });

  it("goes on to the bit after an interrupt", () =>
    expectSameWhenResumed([...small, "--epochs", "11", "--validate-every", "4"], parent, 5));

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
