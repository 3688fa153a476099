import { existsSync } from "node:fs";
import { join } from "node:path";
import { nn } from "kasane";
import { beforeAll, expect, it } from "vitest";
import { networkOf } from "../../../lab/vision/separable.js";
import { writePictures } from "../generative/pictureFiles.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";

const parent = temporaryFolder();
const small = ["run", "separable", "--images", parent, "--threads", "1", "--widths", "4", "--rounds", "1", "--timed-pictures", "2"];
const few = ["--train-size", "100", "--held-out", "40", "--batch-size", "20"];

beforeAll(() => writePictures(parent, { train: 140, t10k: 10 }));

it("saves the arithmetic that the formula says", () => {
  const width = 16;
  const [standard, separable] = (["standard", "separable"] as const).map((kind) => nn.summarize(networkOf(kind, width), [1, 1, 28, 28]));
  // Places, inputs and outputs of each convolution: 9 io multiplications a place become 9 i + io (Howard et al. 2017, section 3.1).
  const layers = [
    [784, 16, 16],
    [196, 16, 32],
    [196, 32, 32],
    [49, 32, 64],
    [49, 64, 64],
    [49, 64, 64],
  ] as const;
  const total = (count: (inputs: number, outputs: number) => number) =>
    layers.reduce((sum, [places, inputs, outputs]) => sum + places * count(inputs, outputs), 784 * 9 * 16 + 64 * 10);
  expect(standard?.multiplyAdds).toBe(total((i, o) => 9 * i * o));
  expect(separable?.multiplyAdds).toBe(total((i, o) => 9 * i + i * o));
});

it("compares both kinds at each width", async () => {
  const { code, stdout } = await kasane([...small, ...few, "--epochs", "8", "--json", "--runs", parent]);
  expect(code).toBe(0);
  const networks = eventsOf(stdout, "network");
  expect(networks.map(({ kind, width }) => [kind, width])).toEqual([
    ["standard", 4],
    ["separable", 4],
  ]);
  for (const { milliseconds, heldOutAccuracy } of networks) {
    expect(milliseconds).toBeGreaterThan(0);
    expect(heldOutAccuracy).toBeGreaterThan(0.3); // By chance it is 0.1.
  }
  for (const file of ["arithmetic.svg", "time.svg"]) expect(existsSync(join(folderOf(stdout), file))).toBe(true);
});

it("goes on to the bit after an interrupt", () => expectSameWhenResumed([...small, ...few, "--epochs", "2"], parent, 5));

it("times no more pictures than are held out", async () => {
  const { code, stderr } = await kasane([...small, ...few, "--timed-pictures", "41", "--runs", parent]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: "kasane: --timed-pictures 41: expected at most --held-out 40\n" });
});
