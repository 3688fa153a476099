import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeAll, expect, it, vi } from "vitest";
import { readDialogues, sentenceOf, withoutRepetitions, wordsOf } from "../../../lab/dialogue/dialogueTexts.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";
import { inPlaceOfDialogues } from "./tinyDialogues.js";

const folder = temporaryFolder();
const small = [
  ...[
    "--size",
    "16",
    "--hidden-size",
    "16",
    "--flat-size",
    "20",
    "--encoder-size",
    "16",
    "--context-size",
    "16",
    "--direct-size",
    "12",
    "--dropout",
    "0",
    "--sampled-words",
    "0",
    "--vocabulary",
    "40",
  ],
  ...["--batch-size", "6", "--buckets", "1", "--learning-rate", "0.02", "--turns", "4"],
];

beforeAll(inPlaceOfDialogues);

/** Runs the command with lines on stdin. */
async function typed(words: readonly string[], lines: string) {
  const spy = vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([lines]) as unknown as typeof process.stdin);
  return kasane(words).finally(() => spy.mockRestore());
}

it("trains models, compares them by the turns before, and talks", async () => {
  const { code, stdout, stderr } = await kasane([
    "run",
    "hred",
    "--json",
    "--runs",
    folder,
    ...small,
    "--epochs",
    "30",
    "--models",
    "all,direct",
  ]);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect(eventsOf(stdout, "data")).toMatchObject([{ repeated: 3, shared: 7, kept: 18 }]);
  const results = eventsOf(stdout, "result") as unknown as { model: string; withEnds: number; withoutEnds: number; byTurn: number[] }[];
  expect(results.map(({ model }) => model)).toEqual(["all", "direct"]);
  for (const { withEnds, byTurn } of results) {
    // Of about 25 different words.
    expect(withEnds).toBeLessThan(2.5);
    // That what an animal says is asked second is learnt at once.
    expect(byTurn[1]).toBeLessThan(1.3);
  }
  const table = readFileSync(join(folderOf(stdout), "table.txt"), "utf8");
  expect(table).toContain("GRU, whole context");
  expect(readFileSync(join(folderOf(stdout), "turns.svg"), "utf8")).toContain("HRED, direct");

  const run = folderOf(stdout);
  const asked = await kasane(["predict", run, "I have a cat.", "--candidates", "2", "--json"]);
  const [{ said, answers } = {}] = eventsOf(asked.stdout, "answer") as unknown as { said?: string; answers?: { score: number }[] }[];
  expect(said).toBe("i have a cat .");
  expect(answers).toHaveLength(2);
  expect(answers?.[0]?.score).toBeGreaterThanOrEqual(answers?.[1]?.score as number);

  const chat = await typed(["predict", run, "--chat", "--temperature", "0.01"], "I have a dog .\n...\n\nWhat does it say ?\n");
  const lines = chat.stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[2]).toBe('got "", expected something that is said: it has no words');
  // A sentence with its mark.
  expect(lines[3]).toMatch(/^[A-Z0-9].*[.!?]$/);
  const torn = await kasane(["predict", run, "Hello!", "--chat"]);
  expect(torn.stderr).toContain('predict: got --chat and "Hello!": --chat reads what is said from stdin');
  const mute = await kasane(["predict", run, " "]);
  expect(mute.stderr).toContain('got " ", expected something that is said: it has no words');
  const strange = await kasane(["predict", run, "I have a zyzzyva."]);
  expect(strange.stdout).toMatch(/^\(words it does not know: zyzzyva\)\n.+\n$/);
});

it("goes on after an interrupt within its second model as if there had been none", async () => {
  const words = ["run", "hred", ...small, "--dropout", "0.1", "--sampled-words", "8", "--epochs", "2", "--models", "last,hred"];
  // Of each model two records of its training and two of its validation, then one of its test.
  await expectSameWhenResumed(words, folder, 7);
});

it("reads words as people write them", () => {
  expect(wordsOf("Let ' s go , it’s 5:30 – don't be push-ups!")).toEqual("let's go , it's 5:30 – don't be push-ups !".split(" "));
  expect(sentenceOf(["yes", ",", "i", "do", ".", "it's", "here", "!"])).toBe("Yes, I do. It's here!");
});

it("drops dialogues that repeat one or that are held out", () => {
  const [a, b, c] = [[["a"], ["b"]], [["a", "b"]], [["c"]]];
  expect(withoutRepetitions([a, b, a, c, c], [c])).toEqual({ kept: [a, b], shared: 2, repeated: 1 });
});

it("complains of files that hold no dialogues, and of what nobody can answer", async () => {
  expect(() => readDialogues(folder)).toThrow("dialogues_train.txt is missing");
  const both = await kasane(["run", "hred", "--runs", folder, ...small, "--sampled-words", "30"]);
  expect(both.stderr).toContain("--sampled-words: 30, expected at most half of the vocabulary");
});
