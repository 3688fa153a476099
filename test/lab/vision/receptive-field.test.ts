import { existsSync } from "node:fs";
import { join } from "node:path";
import { ones, random, seed } from "kasane";
import { beforeAll, expect, it } from "vitest";
import { ConvolutionStack, type KindName, reachOf, squaredSensitivity } from "../../../lab/vision/convolutionStack.js";
import { writePictures } from "../generative/pictureFiles.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";

const parent = temporaryFolder();
const small = ["run", "receptive-field", "--images", parent, "--threads", "1", "--networks", "2", "--channels", "16"];
const trained = ["--trained-depth", "3", "--train-size", "200", "--batch-size", "20", "--held-out", "100"];

beforeAll(() => writePictures(parent, { train: 300, t10k: 10 }));

it("knows what each stack sees", () => {
  // 1 + 2 a layer; strides of 2 in layers 3 and 5 make 1 + 3 * 2 + 2 * 4 + 8; dilations 1, 2, 4 add 2, 4, 8.
  const fields: Record<KindName, number> = { equal: 13, linear: 13, relu: 13, skip: 13, subsampled: 23, dilated: 29 };
  for (const [kind, field] of Object.entries(fields)) expect(new ConvolutionStack(kind as KindName, 6, 2).field()).toBe(field);
});

it("finds the binomial derivatives of a stack whose weights are equal", async () => {
  seed(1);
  const side = 2 * 3 + 1;
  const squares = await squaredSensitivity(new ConvolutionStack("equal", 3, 1), random.normal([1, 1, side, side])).data();
  // Three windows of three give (1 + x + x²)³ along each axis: 1, 3, 6, 7, 6, 3, 1 of 27 ways.
  const ways = [1, 3, 6, 7, 6, 3, 1];
  const centre = Number(squares[3 * side + 3]);
  for (let i = 0; i < side * side; i++) {
    const expected = (((ways[Math.floor(i / side)] as number) * (ways[i % side] as number)) / 49) ** 2;
    expect(Number(squares[i]) / centre).toBeCloseTo(expected, 5);
  }
  // Squares of the ways: variance Σ k² w² / Σ w², here 2 (9·1 + 4·9 + 36) / 141.
  expect(reachOf(squares as Float32Array, side).deviation).toBeCloseTo(Math.sqrt((2 * (9 + 4 * 9 + 36)) / 141), 5);
});

it("finds the variance of a stack of random weights", async () => {
  seed(2);
  const [depth, side] = [4, 9];
  const stack = new ConvolutionStack("linear", depth, 64);
  const squares = await squaredSensitivity(stack, ones([64, 1, side, side])).data();
  // Weights of one variance and no mean: each layer's squares spread evenly over three pixels, of variance 2/3.
  expect(reachOf(squares as Float32Array, side).deviation).toBeCloseTo(Math.sqrt((2 / 3) * depth), 1);
});

it("counts the pixels that are above the share of the middle", () => {
  // Derivatives 1 in the middle, 0.046 above and below it, 0.045 beside it.
  const squares = [0, 0.046, 0, 0.045, 1, 0.045, 0, 0.046, 0].map((value) => value ** 2);
  const reach = reachOf(squares, 3);
  expect(reach.side).toBeCloseTo(Math.sqrt(3), 10);
  const total = 1 + 2 * 0.046 ** 2 + 2 * 0.045 ** 2;
  expect(reach.deviation).toBeCloseTo(Math.sqrt((total - 1) / (2 * total)), 10);
});

it("compares stacks, and watches them in training", async () => {
  const { code, stdout } = await kasane([
    ...small,
    ...trained,
    "--depths",
    "2,4",
    "--kinds",
    "relu,dilated",
    "--epochs",
    "1",
    "--json",
    "--runs",
    parent,
  ]);
  expect(code).toBe(0);
  const stacks = eventsOf(stdout, "stack");
  expect(stacks.length).toBe(4);
  for (const { side, field } of stacks) {
    expect(side).toBeGreaterThan(1);
    expect(side).toBeLessThanOrEqual(field as number);
  }
  expect(eventsOf(stdout, "trained").map(({ readout, field }) => [readout, field])).toEqual([
    ["mean", 7],
    ["middle", 7],
  ]);
  const folder = folderOf(stdout);
  for (const file of ["side.svg", "share.svg", "field-relu.svg", "field-trained.svg", "training.svg"])
    expect(existsSync(join(folder, file))).toBe(true);
});

it("goes on to the bit after an interrupt", () =>
  expectSameWhenResumed([...small, ...trained, "--depths", "2", "--kinds", "relu", "--epochs", "4"], parent, 3));
