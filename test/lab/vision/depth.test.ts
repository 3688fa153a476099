import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { writePictures } from "../generative/pictureFiles.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";

const parent = temporaryFolder();
const small = ["run", "depth", "--images", parent, "--threads", "1", "--depths", "8", "--batch-size", "20"];
const few = ["--train-size", "100", "--held-out", "40"];

beforeAll(() => writePictures(parent, { train: 140, t10k: 10 }));

it("trains plain, residual and dense networks alike", async () => {
  const { code, stdout } = await kasane([...small, ...few, "--epochs", "8", "--json", "--runs", parent]);
  expect(code).toBe(0);
  const networks = eventsOf(stdout, "network");
  expect(networks.map(({ family, layers }) => [family, layers])).toEqual([
    ["plain", 8],
    ["residual", 8],
    ["dense", 10],
  ]);
  // 16, 32 and 64 channels, two 3x3 convolutions each and one for the image; scale and shift of each channel; a linear layer.
  const plain = 9 * (16 + 2 * 256 + 512 + 1024 + 2048 + 4096) + 2 * (3 * 16 + 2 * 32 + 2 * 64) + 650;
  // Where a stage begins, 1x1 convolutions of the shortcuts.
  const shortcuts = 16 * 32 + 32 * 64 + 2 * (32 + 64);
  expect(networks.map(({ parameters }) => parameters).slice(0, 2)).toEqual([plain, plain + shortcuts]);
  // By chance it is ln 10 = 2.3.
  for (const { trainLoss } of networks) expect(trainLoss).toBeLessThan(1.8);
  for (const file of ["depth.svg", "training-8.svg"]) expect(existsSync(join(folderOf(stdout), file))).toBe(true);
});

it("refuses a number of layers that no network has", async () => {
  const { code, stderr } = await kasane([...small, ...few, "--depths", "9", "--runs", parent]);
  expect(code).not.toBe(0);
  expect(stderr).toContain("expected 6n + 2");
});

it("goes on to the bit after an interrupt", () =>
  expectSameWhenResumed([...small, ...few, "--networks", "plain,residual", "--epochs", "2"], parent, 6));
