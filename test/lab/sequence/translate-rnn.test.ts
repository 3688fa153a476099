import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";
import { inPlaceOfDatasets } from "./sentencePairs.js";

const folder = temporaryFolder();
const small = [
  ...["--size", "24", "--dropout", "0", "--minimum-count", "1", "--batch-size", "8", "--buckets", "1"],
  ...["--short", "3", "--medium", "4", "--learning-rate", "0.02"],
];

beforeAll(inPlaceOfDatasets);

it("trains all four, and compares them by the sentences' lengths in one table", async () => {
  const { code, stdout } = await kasane(["run", "translate-rnn", "--json", "--runs", folder, ...small, "--epochs", "20"]);
  expect(code).toBe(0);
  const results = eventsOf(stdout, "result") as unknown as { model: string; parameters: number; scores: number[]; bleu: number }[];
  expect(results.map(({ model }) => model)).toEqual(["gru", "lstm", "gru-attention", "lstm-attention"]);
  const size = 24;
  // Vectors of 13 words of both languages; gates of three networks; both last states made one; the scores of 13 words.
  const gates = { gru: 3, lstm: 4 };
  const expected = (cell: "gru" | "lstm", attends: boolean) => {
    const network = gates[cell] * (2 * size * size + 2 * size);
    const bridge = (cell === "lstm" ? 2 : 1) * (2 * size * size + size);
    // general: a matrix between states and what was read; the attentional vector's
    const attention = attends ? 2 * size * size + 3 * size * size : 0;
    return 2 * 13 * size + 3 * network + bridge + attention + 13 * size + 13;
  };
  expect(results.map(({ parameters }) => parameters)).toEqual([
    expected("gru", false),
    expected("lstm", false),
    expected("gru", true),
    expected("lstm", true),
  ]);
  for (const { scores, bleu } of results) {
    expect(scores).toHaveLength(3);
    // 48 pairs are learnt by heart.
    expect(bleu).toBeGreaterThan(90);
  }
  const table = readFileSync(join(folderOf(stdout), "table.txt"), "utf8").split("\n");
  expect(table[0]).toMatch(/^model +parameters +minutes +short \(3\) +medium \(3\) +long \(4\) +all \(10\) +95 %$/);
  expect(table.slice(1).map((line) => line.split("  ")[0])).toEqual(["GRU", "LSTM", "GRU, attention", "LSTM, attention", ""]);
  expect(readFileSync(join(folderOf(stdout), "length.svg"), "utf8")).toContain("LSTM, attention");

  // A sentence that all have learnt by heart, and one with a word that none has.
  const asked = await kasane(["predict", folderOf(stdout), "Red cat.", "--json"]);
  const answers = eventsOf(asked.stdout, "translation") as unknown as { model: string; target: string; unknown: string[] }[];
  expect(answers.map(({ model }) => model)).toEqual(["gru", "lstm", "gru-attention", "lstm-attention"]);
  for (const { target, unknown } of answers) expect({ target, unknown }).toEqual({ target: "猫 赤い 。", unknown: [] });
  const strange = await kasane(["predict", folderOf(stdout), "red fox ."]);
  expect(strange.stdout).toMatch(
    /^not among the words that it has learnt: fox\nGRU: .*\nLSTM: .*\nGRU, attention: .*\nLSTM, attention: .*\n$/,
  );
});

it("goes on after an interrupt within its second model as if there had been none", async () => {
  const words = ["run", "translate-rnn", ...small, "--dropout", "0.1", "--epochs", "3", "--models", "gru,lstm-attention"];
  // Of each model there are three records of its training and three of its validation, then one of its test.
  await expectSameWhenResumed(words, folder, 10);
});

it("complains of models that there are not, and of groups without a sentence", async () => {
  const unknown = await kasane(["run", "translate-rnn", "--runs", folder, "--models", "gru,cnn"]);
  expect(unknown.stderr).toContain('--models: got "gru,cnn"');
  const empty = await kasane(["run", "translate-rnn", "--runs", folder, ...small, "--short", "2"]);
  expect(empty.stderr).toContain("--short, --medium: no test sentence is short: set them to other lengths");
  const turned = await kasane(["run", "translate-rnn", "--runs", folder, ...small, "--medium", "3"]);
  expect(turned.stderr).toContain("--medium: 3 words, expected more than --short, 3");
});
