import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { data, models, tensor } from "kasane";
import { beforeAll, describe, expect, it } from "vitest";
import { keepingOf } from "../../../lab/representation/corpus.js";
import { sampledBatches, treeBatches, withParts } from "../../../lab/representation/wordBatches.js";
import { expressionOf } from "../../../lab/representation/wordVectors.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";

const folder = temporaryFolder();
const corpus = join(folder, "texts", "corpus.txt");
const small = ["--corpus", corpus, "--no-tests", "--size", "16", "--minimum-count", "2", "--subsampling", "0", "--batch-size", "64"];
const parts = ["--subwords", "--buckets", "500"];
const run = (...words: string[]) => kasane(["run", "word2vec", "--json", "--runs", folder, ...small, ...words]);

beforeAll(() => {
  mkdirSync(join(folder, "texts"));
  // Two worlds of words that never meet: a word's neighbours are of its own.
  const [sea, land] = ["wave ship sail harbour fish storm", "field plough corn farmer barn horse"].map((words) => words.split(" "));
  const random = new Uint32Array([7]);
  const pick = (words: string[]) => {
    random[0] = Math.imul(random[0] as number, 1664525) + 1013904223;
    return words[Math.floor(((random[0] as number) / 2 ** 32) * words.length)] as string;
  };
  const lines = Array.from({ length: 150 }, (_, i) => Array.from({ length: 12 }, () => pick((i % 2 ? sea : land) as string[])).join(" "));
  writeFileSync(corpus, `${lines.join("\n")}\nonce\n`);
});

describe.each([
  ["skip-gram", "negative-sampling"],
  ["cbow", "negative-sampling"],
  ["skip-gram", "hierarchical-softmax"],
  ["cbow", "hierarchical-softmax"],
])("%s by %s", (method, loss) => {
  it.each(method === "cbow" ? [[[]]] : [[[]], [parts]])("finds what belongs together %j", async (more) => {
    const { code, stdout, stderr } = await run("--method", method, "--loss", loss, "--epochs", "40", "--learning-rate", "0.02", ...more);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const trained = folderOf(stdout);
    const asked = await kasane(["predict", trained, "ship", "--best", "5", "--json"]);
    const nearest: { word: string }[] = JSON.parse(asked.stdout).nearest;
    expect(nearest.map(({ word }) => word).sort()).toEqual(["fish", "harbour", "sail", "storm", "wave"]);
  });
});

it("leaves its vectors in word2vec's format, for TensorBoard, and as a map; unseen words have vectors with subwords alone", async () => {
  const { stdout } = await run("--epochs", "1", ...parts, "--map-words", "ship,wave,corn,horse,none");
  const trained = folderOf(stdout);
  const read = (name: string) => readFileSync(join(trained, name), "utf8").trimEnd().split("\n");
  const [heading, ...rows] = read("vectors.txt");
  expect(heading).toBe("12 16");
  const words: string[] = JSON.parse(readFileSync(join(trained, "words.json"), "utf8"));
  expect(rows.map((row) => row.split(" ")[0])).toEqual(words);
  for (const row of rows) expect(row.split(" ")).toHaveLength(17);
  expect(read("projector-words.tsv")).toEqual(words);
  expect(read("projector.tsv").map((row) => row.split("\t"))).toEqual(rows.map((row) => row.split(" ").slice(1)));
  expect(readFileSync(join(trained, "projector_config.pbtxt"), "utf8")).toMatch(/tensor_path: "projector.tsv"/);
  expect(readFileSync(join(trained, "map.svg"), "utf8")).toMatch(/>ship<.*\n.*>wave<.*\n.*>corn<.*\n.*>horse<\/text>\n<\/svg>/);

  const unseen = await kasane(["predict", trained, "ships - once + wave", "--json"]);
  expect(JSON.parse(unseen.stdout).nearest).toHaveLength(10);
  const whole = await kasane(["predict", trained, "wave + ship", "--neighbours", "--json"]);
  expect(JSON.parse(whole.stdout).nearest.map(({ word }: { word: string }) => word)).toContain("ship");
  const plain = folderOf((await run("--epochs", "1", "--map-words", "ship,wave")).stdout);
  expect(existsSync(join(plain, "map.svg"))).toBe(false);
  const { stderr } = await kasane(["predict", plain, "shipp"]);
  expect(stderr).toBe('kasane: predict: "shipp" is not in the vocabulary: did you mean ship?\n');
  expect(await kasane(["predict", plain, "ship - ship"])).toMatchObject({ code: 2, stderr: expect.stringContaining("leaves nothing") });
});

it("goes on to the bit after an interruption", async () => {
  await expectSameWhenResumed(["run", "word2vec", ...small, "--epochs", "3"], folder, 1);
});

it("records a loss that falls", async () => {
  const losses = eventsOf((await run("--epochs", "16", "--learning-rate", "0.01")).stdout, "metrics").map(({ loss }) => loss as number);
  expect(losses[0]).toBeGreaterThan(0.4);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) - 0.05);
});

it("keeps words by their share of the text", () => {
  // Shares of 0.9 and 0.1: sqrt(t/f) + t/f with t = 0.01
  const [frequent, rare] = keepingOf([900, 100], 0.01) as unknown as [number, number];
  expect(frequent).toBeCloseTo(Math.sqrt(1 / 90) + 1 / 90, 10);
  expect(rare).toBeCloseTo(Math.sqrt(0.1) + 0.1, 10);
  expect([...keepingOf([900, 100], 0)]).toEqual([1, 1]);
});

// a b | c a, a word a line apart, windows of 1; the first and the last place hold no word.
const stretch: data.WordStretch = {
  ids: Int32Array.from([0, 0, 1, 2, 0, 0]),
  lines: Int32Array.from([-1, 0, 0, 1, 1, -1]),
  reach: Uint8Array.from([1, 1, 1, 1]),
};

it("pairs words with those around them in their line, and with words drawn", async () => {
  const table = new data.AliasTable([0, 0, 1]);
  const options = { window: 1, group: 4, drawn: 2, negatives: 5, table, seed: 0, epoch: 0 };
  const skipGram = sampledBatches({ method: "skip-gram", ...options })(stretch);
  expect(await skipGram.inputs.array()).toEqual([[0, 1, 2, 0]]);
  expect(await skipGram.outcomes.array()).toEqual([[0, 0, 1, 2, 0, 0, 2, 2]]);
  expect(await skipGram.targets.array()).toEqual([[[1, 1, 1, 1, 1, 1, 0, 0]]]);
  expect(await skipGram.weights.array()).toEqual([
    [
      [0, 0, 1, 0, 0, 0, 2.5, 2.5],
      [0, 1, 0, 0, 0, 0, 2.5, 2.5],
      [0, 0, 0, 0, 1, 0, 2.5, 2.5],
      [0, 0, 0, 1, 0, 0, 2.5, 2.5],
    ],
  ]);
  const cbow = sampledBatches({ method: "cbow", ...options })(stretch);
  expect(await cbow.inputs.array()).toEqual([[0, 0, 1, 2, 0, 0]]);
  expect(await cbow.outcomes.array()).toEqual([[0, 1, 2, 0, 2, 2]]);
  expect(await cbow.means?.array()).toEqual([
    [
      [0, 0, 1, 0, 0, 0],
      [0, 1, 0, 0, 0, 0],
      [0, 0, 0, 0, 1, 0],
      [0, 0, 0, 1, 0, 0],
    ],
  ]);
  expect(await cbow.weights.array()).toEqual([
    [
      [1, 0, 0, 0, 2.5, 2.5],
      [0, 1, 0, 0, 2.5, 2.5],
      [0, 0, 1, 0, 2.5, 2.5],
      [0, 0, 0, 1, 2.5, 2.5],
    ],
  ]);
});

it("tells words by their ways down a tree", async () => {
  // Word 0 is a leaf of the root, node 1; words 1 and 2 are below node 0.
  const tree = data.huffmanTree([4, 2, 1]);
  expect(tree.paths.map((path) => [...path])).toEqual([[1], [1, 0], [1, 0]]);
  const [first, below] = [(tree.codes[0] as Uint8Array)[0] as number, (tree.codes[1] as Uint8Array)[1] as number];
  const fill = (...values: number[]) => [...values, ...Array(16 - values.length).fill(0)];
  const skipGram = treeBatches({ method: "skip-gram", window: 1, group: 2, tree })(stretch);
  expect(await skipGram.inputs.array()).toEqual([
    [0, 0, 1, 2],
    [1, 2, 0, 0],
  ]);
  expect(await skipGram.outcomes.array()).toEqual([fill(1, 1, 0), fill(1, 0, 1)]);
  expect(await skipGram.targets.array()).toEqual([[fill(first, 1 - first, below)], [fill(1 - first, 1 - below, first)]]);
  expect(await skipGram.weights.array()).toEqual([
    [fill(), fill(0, 1, 1), fill(1), fill()],
    [fill(), fill(0, 0, 1), fill(1, 1), fill()],
  ]);
  // The root is in all four pairs, of which it could take 64.
  expect(await skipGram.shares?.array()).toEqual(Array(2).fill(Array(16).fill(1)));
  const cbow = treeBatches({ method: "cbow", window: 1, group: 2, tree })(stretch);
  expect(await cbow.inputs.array()).toEqual(await skipGram.inputs.array());
  expect(await cbow.means?.array()).toEqual([
    [
      [0, 0, 1, 0],
      [0, 1, 0, 0],
    ],
    [
      [0, 0, 1, 0],
      [0, 1, 0, 0],
    ],
  ]);
  expect(await cbow.weights.array()).toEqual([
    [fill(1), fill(0, 1, 1)],
    [fill(1, 1), fill(0, 0, 1)],
  ]);
});

it("words made of parts are each put together once", async () => {
  const table = new data.AliasTable([0, 0, 1]);
  const make = sampledBatches({ method: "skip-gram", window: 1, group: 4, drawn: 1, negatives: 1, table, seed: 0, epoch: 0 });
  const rows = [[0, 3], [1, 4, 5], [2]].map((list) => Int32Array.from(list));
  const { inputs, parts } = withParts(make, rows)(stretch);
  expect(await inputs.array()).toEqual([[0, 1, 2, 0]]);
  const model = new models.Word2vec({ inputs: 6, outputs: 3, size: 1 });
  await model.input.weight.assign(tensor([[1], [2], [3], [4], [5], [6]]));
  const words = (await model.words(parts as models.WordParts).array()) as number[][];
  expect(words.slice(0, 3).flat()).toEqual([2.5, expect.closeTo(13 / 3, 6), 3]);
  expect(
    words
      .slice(3)
      .flat()
      .every((value) => value === 0),
  ).toBe(true);
});

it.each([
  ["king - man + woman", ["+king", "-man", "+woman"]],
  ["e-mail", ["+e-mail"]],
  [" - a + b", ["-a", "+b"]],
])("reads %j", (text, expected) => {
  expect(expressionOf(text).map(({ word, sign }) => `${sign > 0 ? "+" : "-"}${word}`)).toEqual(expected);
});

it.each(["", "a b", "a +", "a + - b", "+"])("refuses %j", (text) => {
  expect(() => expressionOf(text)).toThrow(/predict: /);
});

it.each([
  [["--corpus", "nowhere.txt"], /nowhere\.txt: no such file/],
  [["--minimum-count", "100000"], /lower --minimum-count/],
  [["--batch-size", "100"], /--batch-size/],
  [["--loss", "hierarchical-softmax", "--drawn", "3"], /--drawn 3: --loss hierarchical-softmax draws no words: leave it out/],
  [["--loss", "hierarchical-softmax", "--negatives", "5"], /--negatives 5: /],
  [["--buckets", "500"], /--buckets 500: words have parts with --subwords alone/],
])("says what is wrong with %j", async (words, message) => {
  const { code, stderr } = await run(...words);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});

it("misses the tests before it trains, and says how to do without", async () => {
  const data = temporaryFolder();
  writeFileSync(join(data, "questions-words.txt"), "not the published ones");
  const words = ["run", "word2vec", "--json", "--runs", folder, "--data", data, ...small.filter((word) => word !== "--no-tests")];
  const { code, stdout, stderr } = await kasane(words);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(/questions-words.txt .*; or leave the tests out with --no-tests\n$/),
  });
  expect(stdout).not.toContain('"metrics"');
});
