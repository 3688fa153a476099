import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { principalComponents } from "../../../lab/generative/principalComponents.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";
import { writePictures } from "./pictureFiles.js";

const parent = temporaryFolder();
const small = ["run", "autoencoder", "--images", parent, "--batch-size", "20", "--threads", "1", "--noise", "0.5"];

beforeAll(() => writePictures(parent, { train: 200, t10k: 40 }));

it("finds the directions of the greatest variances", () => {
  // Eigenvalues 4, 2 and 1 of orthogonal directions: A = Q diag(4, 1, 2) Q' of a rotation in the first two axes by 30 degrees.
  const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
  const covariance = [4 * c * c + s * s, 3 * c * s, 0, 3 * c * s, 4 * s * s + c * c, 0, 0, 0, 2];
  const { directions, variances } = principalComponents(covariance, 3, 2);
  expect(variances).toEqual([expect.closeTo(4, 10), expect.closeTo(2, 10)]);
  expect(Array.from(directions[0] as Float64Array, Math.abs)).toEqual([c, s, 0].map((value) => expect.closeTo(value, 10)));
  expect(Array.from(directions[1] as Float64Array, Math.abs)).toEqual([0, 0, 1].map((value) => expect.closeTo(value, 10)));
});

it("finds all directions of data that vary in few", () => {
  // Of rank 1: [1, 2, 2]' [1, 2, 2], whose only eigenvalue above 0 is 9.
  const { directions, variances } = principalComponents([1, 2, 2, 2, 4, 4, 2, 4, 4], 3, 3);
  expect(variances).toEqual([9, 0, 0].map((value) => expect.closeTo(value, 10)));
  expect(Array.from(directions[0] as Float64Array, Math.abs)).toEqual([1 / 3, 2 / 3, 2 / 3].map((value) => expect.closeTo(value, 10)));
});

it.each(["dense", "convolutional"])("codes, cleans and detects with a %s network", async (network) => {
  const words = [
    ...small,
    "--widths",
    "2,8",
    "--learning-rate",
    "0.01",
    "--network",
    network,
    "--epochs",
    "8",
    "--short-epochs",
    "2",
    "--unseen",
    "3",
    "--json",
    "--runs",
    parent,
  ];
  const { code, stdout } = await kasane(words);
  expect(code).toBe(0);
  const event = (name: string) => JSON.parse(stdout.split("\n").find((line) => line.startsWith(`{"event":"${name}"`)) as string);
  for (const { error } of event("codes").sizes) expect(error).toBeLessThan(0.05); // A black picture errs by 0.063.
  const [{ before, after }] = event("noise").cleaned;
  expect(after).toBeGreaterThan(before);
  expect(event("unseen").found).toEqual([{ label: 3, area: expect.any(Number) }]);
  const folder = folderOf(stdout);
  for (const file of ["reconstructions-8.png", "plane.svg", "noise-0.5.png", "error.svg"])
    expect(existsSync(join(folder, file))).toBe(true);

  expect(await kasane(["predict", folder, "7", "--runs", parent])).toMatchObject({ code: 0 });
  const wrong = await kasane(["predict", folder, "40", "--runs", parent]);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('got "40", expected the index of a test picture, 0 to 39') });
});

it("goes on to the bit after an interrupt", () =>
  expectSameWhenResumed(
    [...small, "--network", "convolutional", "--widths", "2", "--epochs", "15", "--short-epochs", "1", "--unseen", "3"],
    parent,
    1,
  ));

it("refuses classes to be left out that are not there, before it trains", async () => {
  const few = temporaryFolder();
  writePictures(few, { train: 40, t10k: 8 });
  const { code, stdout, stderr } = await kasane([...small, "--images", few, "--unseen", "3,9", "--json", "--runs", parent]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("--unseen 3,9: class 9 is not among others in both parts") });
  expect(stdout).not.toContain('"step"');
});

it.each([
  [["--widths", "785"], "sizes of codes from 1 to 784, with commas between them, each once"],
  [["--widths", "4,4"], "each once"],
  [["--noise", "0.5,0.50"], "each once"],
  [["--noise", "0.5,0"], "deviations of noise above 0"],
  [["--unseen", "10"], "classes from 0 to 9"],
])("refuses %j", async (words, message) => {
  const { code, stderr } = await kasane([...small, ...words, "--runs", parent]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
});
