import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { networkOf } from "../../../lab/vision/normalisation.js";
import { writePictures } from "../generative/pictureFiles.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";

const parent = temporaryFolder();
const small = [
  ...["run", "normalisation", "--images", parent, "--threads", "1", "--train-size", "60", "--held-out", "40", "--few-pictures", "40"],
  ...["--batch-size", "10", "--scales", "0.1", "--short-epochs", "1", "--few-epochs", "2"],
];

beforeAll(() => writePictures(parent, { train: 100, t10k: 10 }));

it("has the same weights for each normalisation, and a shift in place of a bias", () => {
  const weights = 9 * (16 + 2 * 16 * 16 + 16 * 32 + 2 * 32 * 32) + 288 * 10 + 10;
  const channels = 3 * 16 + 3 * 32;
  expect(networkOf("none").parameterCount()).toBe(weights + channels);
  for (const norm of ["batch", "layer", "instance", "group"] as const) {
    expect(networkOf(norm).parameterCount()).toBe(weights + 2 * channels);
  }
});

it("compares normalisations by rate, initial values, batch size and overfitting", async () => {
  const words = [...small, "--rates", "0.0001,0.1", "--batch-sizes", "5", "--epochs", "10", "--target", "0.5"];
  const { code, stdout } = await kasane([...words, "--norms", "none,batch", "--json", "--runs", parent]);
  expect(code).toBe(0);
  const event = (name: string) => eventsOf(stdout, name)[0] as Record<string, unknown>;
  for (const [name, values] of [
    ["rates", [0.0001, 0.1]],
    ["scales", [0.1]],
    ["sizes", [5]],
  ] as const) {
    const shares = values.map(() => expect.any(Number));
    expect(event(name)).toMatchObject({ values, accuracies: { none: shares, batch: shares } });
  }
  const { updates } = event("updates") as { updates: string[][] };
  // Batches of 5 of 60 pictures, 10 times: 120 updates.
  expect(Number(updates[1]?.[1])).toBeLessThanOrEqual(120);
  const folder = folderOf(stdout);
  for (const file of ["training-5.svg", "overfitting.svg"]) expect(existsSync(join(folder, file))).toBe(true);
});

it("goes on to the bit after an interrupt", () =>
  expectSameWhenResumed([...small, "--norms", "batch", "--rates", "0.1", "--batch-sizes", "10", "--epochs", "2"], parent, 7));

it.each([
  [["--batch-sizes", "10,70"], "60 pictures are no batch of 70"],
  [["--batch-size", "50", "--batch-sizes", "5"], "40 pictures are no batch of 50"],
  [["--few-pictures", "61"], "--few-pictures 61: expected no more than --train-size 60"],
  [["--norms", "none,none"], "with commas between them, each once"],
  [["--rates", "0,0.1"], "expected numbers above 0"],
])("refuses %j before it trains", async (words, message) => {
  const { code, stdout, stderr } = await kasane([...small, ...words, "--json", "--runs", parent]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
  expect(stdout).not.toContain('"metrics"');
});
