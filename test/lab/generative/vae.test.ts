import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";
import { writePictures } from "./pictureFiles.js";

const parent = temporaryFolder();
const small = ["run", "vae", "--images", parent, "--hidden", "32", "--batch-size", "20", "--threads", "1"];

beforeAll(() => writePictures(parent, { train: 200, t10k: 40 }));

it("learns to draw, says how well, and leaves pictures", async () => {
  const drawn = ["--binarization", "dynamic", "--likelihood-samples", "150"];
  const words = [...small, "--epochs", "30", "--latent", "2", "--conditional", ...drawn, "--json", "--runs", parent];
  const { code, stdout } = await kasane(words);
  expect(code).toBe(0);
  const [figures] = eventsOf(stdout, "test");
  // An untrained model needs 784 ln 2 = 543 nats; the pictures' noise alone is worth about 20.
  expect(figures?.negativeElbo).toBeLessThan(120);
  expect(figures?.nll).toBeLessThan((figures?.negativeElbo as number) + 0.5);
  const folder = folderOf(stdout);
  for (const name of ["samples", "reconstructions", "interpolations", "manifold"]) {
    expect(
      readFileSync(join(folder, `${name}.png`))
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
  }
  expect(existsSync(join(folder, "decoder.onnx"))).toBe(true);

  const predicted = await kasane(["predict", folder, "27", "--runs", parent]);
  expect(predicted).toMatchObject({ code: 0 });
  expect(predicted.stdout).toContain("predicted.png");
  const wrong = await kasane(["predict", folder, "two", "--runs", parent]);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('predict: got "two", expected 1 to 64 digits to draw') });
});

it("goes on to the bit after an interrupt, with importance-weighted draws", () =>
  expectSameWhenResumed([...small, "--epochs", "3", "--importance", "3", "--binarization", "dynamic", "--held-out", "50"], parent, 2));

it.each([
  [["--images", join(parent, "nowhere")], "it has neither train/ nor train.csv, and lacks train-images-idx3-ubyte"],
  [["--held-out", "200"], "--held-out 200: there are 200 training pictures"],
  [["--beta", "2", "--importance", "5"], "it needs --importance 1"],
  [["--likelihood-samples", "10"], "it needs --binarization dynamic"],
  [["--batch-size", "201"], "--batch-size 201: there are 200 training pictures"],
  [["--hidden", "10,,20"], "sizes of hidden layers, with commas between them"],
])("refuses %j in one line", async (words, message) => {
  const { code, stderr } = await kasane([...small, ...words, "--runs", parent]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});
