import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { datasets, files } from "kasane/node";
import { beforeAll, describe, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";
import { height, width, writeScenes } from "./roadPictures.js";

const parent = temporaryFolder();
const scenes = join(parent, "scenes");
const small = ["run", "segment", "--scenes", scenes, "--width", "16", "--levels", "2", "--batch-size", "4", "--threads", "1"];
beforeAll(() => writeScenes(scenes));

describe("segment", () => {
  it("tells what pixels belong to, and draws it", async () => {
    const words = [...small, "--epochs", "12", "--learning-rate", "0.01", "--validate-every", "6", "--json", "--runs", parent];
    const { code, stdout } = await kasane(words);
    expect(code).toBe(0);
    const [figures] = eventsOf(stdout, "test");
    // Of two classes that occur; all taken for one would give 0.25.
    expect(figures?.meanIou).toBeGreaterThan(0.9);
    const folder = folderOf(stdout);
    expect(readFileSync(join(folder, "scenes.png")).subarray(1, 4).toString()).toBe("PNG");

    const predicted = await kasane(["predict", folder, join(scenes, "test"), "--json", "--runs", parent]);
    expect(predicted.code).toBe(0);
    const { images } = JSON.parse(predicted.stdout.trim().split("\n").at(-1) as string);
    expect(images).toHaveLength(3);
    expect(images[0].shares.sky + images[0].shares.road).toBeGreaterThan(0.9);
    expect(readFileSync(images[0].files[1], "utf8")).toContain("sky");
    const wrong = await kasane(["predict", folder, join(parent, "no.jpg"), "--runs", parent]);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no such file or folder: expected a picture"),
    });
  });

  it("goes on to the bit after an interrupt", () =>
    expectSameWhenResumed([...small, "--workers", "0", "--epochs", "5", "--validate-every", "2"], parent, 2));

  it.each([
    [["--scenes", join(parent, "nowhere")], "nowhere: no such file: expected a folder or a .tar.gz"],
    [["--batch-size", "13"], "--batch-size 13: there are 12 training scenes"],
    [["--weights", "mean"], "--weights"],
    [["--width", "18"], "--width"],
  ])("refuses %j in one line", async (words, message) => {
    const { code, stderr } = await kasane([...small, ...words, "--runs", parent]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("readSegmented", () => {
  it.each([
    ["a missing mask", (folder: string) => rmSync(join(folder, "valannot/scene1.png")), "val/scene1.png has no valannot/scene1.png"],
    ["a missing part", (folder: string) => rmSync(join(folder, "test"), { recursive: true }), "no image is in test/"],
    [
      "a broken image",
      (folder: string) => writeFileSync(join(folder, "train/scene0.png"), "GIF89a"),
      "train/scene0.png: neither a JPEG nor a PNG file",
    ],
    [
      "a mask of another size",
      (folder: string) =>
        writeFileSync(
          join(folder, "trainannot/scene0.png"),
          files.encodePng({ height: 1, width: 2, channels: 1, data: new Uint8Array(2) }),
        ),
      "trainannot/scene0.png has 1 x 2 pixels and train/scene0.png 16 x 24: expected as many",
    ],
    [
      "a class that there is not",
      (folder: string) =>
        writeFileSync(
          join(folder, "trainannot/scene0.png"),
          files.encodePng({ height, width, channels: 1, data: new Uint8Array(height * width).fill(12) }),
        ),
      "trainannot/scene0.png: class 12, expected 0 to 10, or 11 for none",
    ],
  ])("refuses %s in one line", (_, spoil, message) => {
    const folder = join(parent, message.replace(/\W/g, ""));
    writeScenes(folder);
    spoil(folder);
    expect(() => datasets.readSegmented(folder, 11, 11)).toThrow(message);
  });
});
