import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { files } from "kasane/node";
import { beforeAll, expect, it } from "vitest";
import { writePictures } from "../generative/pictureFiles.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";

const parent = temporaryFolder();
const small = ["--images", parent, "--batch-size", "20", "--learning-rate", "0.05", "--threads", "1"];

/** A class's bar in dark on light, twice as large as what is learnt from. */
function inkBar(label: number): Uint8Array {
  const data = new Uint8Array(56 * 56).fill(255);
  data.fill(10, 2 * (2 * label + 4) * 56, 2 * (2 * label + 6) * 56);
  return files.encodePng({ height: 56, width: 56, channels: 1, data });
}

beforeAll(() => writePictures(parent, { train: 200, t10k: 40 }));

it("tells clothes apart, says how well, and leaves its mistakes and the network", async () => {
  const words = [
    "run",
    "fashion",
    "--quick",
    ...small,
    "--epochs",
    "6",
    "--erasing",
    "0.5",
    "--members",
    "2",
    "--held-out",
    "40",
    "--json",
    "--runs",
    parent,
  ];
  const { code, stdout, stderr } = await kasane(words);
  expect(stderr).not.toContain("error");
  expect(code).toBe(0);
  // Ten classes: by chance a tenth. The bars of the pictures are told without a mistake once the place counts.
  const [figures] = eventsOf(stdout, "held-out");
  expect(figures?.accuracy).toBeGreaterThan(0.9);
  const [confusion] = eventsOf(stdout, "confusion");
  const counts = confusion?.counts as unknown as number[];
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(40);
  expect(counts.filter((_, i) => i % 11 === 0).reduce((sum, count) => sum + count, 0) / 40).toBe(figures?.accuracy);
  const folder = folderOf(stdout);
  expect(readFileSync(join(folder, "mistakes.png")).subarray(1, 4).toString()).toBe("PNG");
  expect(existsSync(join(folder, "classifier.onnx"))).toBe(true);
  expect(existsSync(join(folder, "accuracy.svg"))).toBe(true);
  expect(readFileSync(join(folder, "confusion.svg"), "utf8")).toContain(">9</text>");

  // The averaged weights that were judged are those that predict.
  const predicted = await kasane(["predict", folder, "3", "--json", "--runs", parent]);
  expect(predicted).toMatchObject({ code: 0 });
  const { truth, classes } = JSON.parse(predicted.stdout.trim().split("\n").at(-1) as string);
  const values = (classes as { probability: number }[]).map(({ probability }) => probability);
  expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
  expect(values).toEqual(values.toSorted((a, b) => b - a));
  expect(classes[0].name).toBe(truth);

  // Image files: one, and those of a folder, dark on light and in another size; what the network looked at stands in a file.
  const images = join(parent, "images");
  mkdirSync(images);
  for (const label of [2, 8]) writeFileSync(join(images, `bar${label}.png`), inkBar(label));
  const one = await kasane(["predict", folder, join(images, "bar8.png"), "--invert", "--json", "--runs", parent]);
  expect(one).toMatchObject({ code: 0 });
  const told = JSON.parse(one.stdout.trim().split("\n").at(-1) as string);
  expect([told.event, told.name, told.classes[0].name]).toEqual(["prediction", "bar8", "8"]);
  expect(told.file).toBe(join(folder, "bar8-looked-at.png"));
  expect(files.decodePicture(readFileSync(told.file))).toMatchObject({ channels: 3, height: 224, width: 3 * 224 + 8 });
  const out = join(parent, "looked");
  const many = await kasane(["predict", folder, images, "--invert", "--out", out, "--runs", parent]);
  expect(many).toMatchObject({ code: 0, stdout: expect.stringMatching(/bar2 +2 \d.*\n.*bar8 +8 \d/) });
  expect(readdirSync(out)).toEqual(["bar2-looked-at.png", "bar8-looked-at.png"]);

  const refused = async (...words: string[]) => {
    const { code, stderr } = await kasane(["predict", folder, ...words, "--runs", parent]);
    expect({ code, lines: stderr.trim().split("\n").length }).toEqual({ code: 2, lines: 1 });
    return stderr;
  };
  expect(await refused("3", "--invert")).toContain("--invert: 3 is a test picture");
  expect(await refused(images, "--out", join(images, "bar2.png"))).toContain("bar2.png: it is a file: expected a folder");
  expect(await refused("")).toContain("predict: got no text: expected a picture");
  expect(await refused("x".repeat(5000))).toContain("no such file or folder");
  mkdirSync(join(parent, "empty", "hollow"), { recursive: true });
  expect(await refused(join(parent, "empty"))).toContain("no .jpg or .png file is in this folder");

  // What is learnt from, and how the rate goes, is planned for all epochs.
  const more = await kasane(["run", "fashion", "--resume", folder, "--epochs", "9", "--runs", parent]);
  expect(more).toMatchObject({ code: 2, stderr: expect.stringContaining("the run was started with --epochs 6, got --epochs 9") });

  const wrong = await kasane(["predict", folder, "40", "--runs", parent]);
  expect(wrong).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('predict: got "40", expected the index of a test picture, 0 to 39'),
  });
});

// The fourth record is made two steps into the second epoch, of seven tenths of the pictures.
it("goes on to the bit after an interrupt, with chosen and changed pictures and averaged weights", () =>
  expectSameWhenResumed(["run", "fashion", "--quick", ...small, "--hardest", "0.7", "--epochs", "4", "--held-out", "40"], parent, 4));

it("reads digits", async () => {
  const { code, stdout } = await kasane(["run", "mnist", ...small, "--epochs", "2", "--json", "--runs", parent]);
  expect(code).toBe(0);
  expect(eventsOf(stdout, "test")).toHaveLength(1);
});

it.each([
  [["fashion", "--images", join(parent, "nowhere")], "it has neither train/ nor train.csv, and lacks train-images-idx3-ubyte"],
  [["fashion", ...small, "--held-out", "200"], "--held-out 200: there are 200 training pictures"],
  [["fashion", "--quick", "--model", "densenet"], "--quick has a network of its own: leave out --model"],
  [["fashion", "--model", "mobilnet"], "did you mean mobilenet?"],
  [["fashion", ...small, "--model", "resnet18", "--weights", join(parent, "none.safetensors")], "none.safetensors: no such file"],
  [
    ["fashion", ...small, "--model", "resnet18", "--members", "2", "--weights", join(parent, "none.safetensors")],
    "--weights: the weights are those of one network: it needs --members 1",
  ],
  [
    ["fashion", ...small, "--weights", join(parent, "none.safetensors")],
    "--weights: torchvision has weights for --model mobilenet-v2 and resnet18 alone",
  ],
  [["fashion", "--quick", "--model", "pooled"], "--quick has a network of its own: leave out --model"],
  [["fashion", ...small, "--quick", "--model", "small", "--freeze", "*"], "--freeze *: it leaves nothing to train"],
  [
    ["mnist", ...small.slice(0, 2), "--batch-size", "200", "--epochs", "2"],
    "2 updates are too few for a rate that rises and falls: expected 6 or more: lower --batch-size or raise --epochs",
  ],
  [["fashion", ...small, "--freeze", "stage.*"], "freeze: no variable fits stage.*: "],
  [["mnist", ...small.slice(0, 2), "--batch-size", "300"], "--batch-size 300: an epoch has 200 training pictures"],
])("refuses %j in one line", async (words, message) => {
  const { code, stderr } = await kasane(["run", ...words, "--runs", parent]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});
