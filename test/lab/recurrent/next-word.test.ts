import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "./interruption.js";

const folder = temporaryFolder();
const corpus = join(folder, "texts", "corpus.txt");
const run = (...words: string[]) => kasane(["run", "next-word", "--json", "--runs", folder, ...words]);
const cycle = "the quick brown fox jumps over the lazy dog and then".split(" ");
let trained: string;

beforeAll(async () => {
  mkdirSync(join(folder, "texts"));
  // One sentence over and over, so that five words settle the sixth; two words are rare.
  writeFileSync(corpus, `rare words\n${`${cycle.join(" ")}.\n`.repeat(200)}`);
  const { code, stdout } = await run("--corpus", join(folder, "texts"), "--epochs", "30", "--batch-size", "32");
  expect(code).toBe(0);
  trained = folderOf(stdout);
  const figures = eventsOf(stdout, "metrics");
  expect(figures).toHaveLength(31);
  expect(figures.at(-1)?.testAccuracy).toBe(1);
  expect(figures.at(-1)?.testCrossEntropy).toBeLessThan(0.1);
}, 60_000);

describe("a trained run", () => {
  it("has kept its dictionary", () => {
    const words: string[] = JSON.parse(readFileSync(join(trained, "dictionary.json"), "utf8"));
    expect(words.slice(0, 2)).toEqual(["<????>", "the"]);
    expect([...words].sort()).toEqual(["<????>", ...new Set(cycle)].sort());
  });

  it("goes on with a sentence, from its last words", async () => {
    const { code, stdout } = await kasane(["predict", trained, "then THE quick, brown fox jumps"]);
    expect(code).toBe(0);
    const lines = stdout.trim().split("\n");
    expect(lines).toHaveLength(11 + 2);
    expect(lines[0]).toMatch(/^over : 0\.9\d+$/);
    expect(lines.at(-1)).toBe("Prediction: then THE quick, brown fox jumps over");
    const total = lines.slice(0, 11).reduce((sum, line) => sum + Number(line.split(" : ")[1]), 0);
    // Six digits are printed.
    expect(total).toBeCloseTo(1, 4);
  });

  it("says which words it does not know", async () => {
    const { stdout } = await kasane(["predict", trained, "rare brown fox jumps zebra", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ event: "prediction", unknown: ["rare", "zebra"] });
    const text = await kasane(["predict", trained, "rare brown fox jumps zebra"]);
    expect(text.stdout).toMatch(/^not in the dictionary, read as <\?\?\?\?>: rare, zebra\n/);
  });

  it("says that it was given too few words, or has lost its dictionary", async () => {
    const few = await kasane(["predict", trained, "quick, brown 2 fox"]);
    expect(few).toMatchObject({ code: 2, stderr: 'kasane: predict: "quick, brown 2 fox" has 3 words, expected 5 or more\n' });
    const file = join(trained, "dictionary.json");
    const kept = readFileSync(file);
    rmSync(file);
    const missing = await kasane(["predict", trained, "the quick brown fox jumps"]);
    expect(missing.stderr).toMatch(/^kasane: .*dictionary\.json is missing: .*\n$/);
    expect(missing.code).toBe(2);
    writeFileSync(file, kept);
  });

  it("is not resumed with other texts", async () => {
    const other = join(folder, "other.txt");
    writeFileSync(other, readFileSync(corpus, "utf8").replaceAll("fox", "ox"));
    const { code, stderr } = await kasane(["run", "next-word", "--resume", trained, "--corpus", other]);
    expect(stderr).toMatch(/^kasane: .*dictionary\.json was made of other texts: .*\n$/);
    expect(code).toBe(2);
  });
});

it.each([
  [[], /--corpus|no such file/, "texts/none.txt"],
  [[], /has no words of the letters a to z/, "empty.txt"],
  [["--rare-count", "1000"], /none of its 2202 words is seen more than 1000 times/, "texts/corpus.txt"],
  [["--batch-size", "5000"], /2202 words are too few for a batch of 5000 windows/, "texts/corpus.txt"],
])("complains of a corpus in one line: %j", async (options, message, name) => {
  writeFileSync(join(folder, "empty.txt"), "1 2 3\n");
  const { code, stderr } = await run("--corpus", join(folder, name), ...options);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(code).toBe(2);
});

it.each(["lstm", "gru"])("goes on after an interrupt as if there had been none: %s", async (cell) => {
  const options = ["--corpus", corpus, "--epochs", "4", "--cell", cell];
  await expectSameWhenResumed(["run", "next-word", ...options], folder, 2);
});
