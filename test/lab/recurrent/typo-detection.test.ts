import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { data, seed } from "kasane";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { CharacterNgrams, sentenceText, surpriseScores } from "../../../lab/recurrent/characterNgrams.js";
import { Detection } from "../../../lab/recurrent/detection.js";
import {
  detectionLoss,
  encodeSentences,
  endMark,
  exportDetector,
  judge,
  TypoDetector,
  targetsOf,
  unknownWord,
} from "../../../lab/recurrent/typoDetector.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "./interruption.js";

const folder = temporaryFolder();
const corpus = join(folder, "corpus.txt");
const small = "--hidden-size 32 --word-size 16 --character-size 8 --dropout 0 --learning-rate 0.02 --batch-size 16".split(" ");
const command = ["run", "typo-detection", "--corpus", corpus, "--sentences", "1000", ...small];

/** Sentences of one form, from a few words. */
function sentence(i: number): string {
  const pick = (words: string, place: number) => {
    const all = words.split(" ");
    return all[((Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(place, 0x85ebca6b)) >>> 8) % all.length] as string;
  };
  const thing = (place: number) => `the ${pick("small green heavy golden", place)} ${pick("engine garden window teacher", place + 1)}`;
  return `${thing(1)} ${pick("follows watches carries", 3)} ${thing(4)} .`;
}

beforeAll(() => writeFileSync(corpus, Array.from({ length: 1200 }, (_, i) => sentence(i)).join("\n")));

describe("a trained run", () => {
  let run: string;
  beforeAll(async () => {
    const { code, stdout } = await kasane([...command, "--epochs", "6", "--json", "--runs", folder]);
    expect(code).toBe(0);
    run = folderOf(stdout);
    const [misspelt, missing] = eventsOf(stdout, "test").map(({ figures }) => figures as unknown as { name: string; f1: number }[]);
    expect(misspelt?.map(({ name }) => name)).toEqual(["both directions", "forward only", "character n-grams"]);
    // Every word is known, and every gap is settled by the words beside it.
    for (const figures of [misspelt?.[0], misspelt?.[1], missing?.[0]]) expect(figures?.f1).toBeGreaterThan(0.9);
    for (const baseline of [misspelt?.[2], missing?.[2]]) expect(baseline?.f1).toBeLessThan(misspelt?.[0]?.f1 as number);
  }, 60_000);

  it("underlines what it finds", async () => {
    const text = "The small engine folows  the heavy window. The green garden watches small teacher.";
    const { code, stdout } = await kasane(["predict", run, text]);
    expect(code).toBe(0);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      text,
      "                 ~~~~~~                                            ^",
      "~ misspelt: folows   ^ a word is missing",
    ]);
    const json = await kasane(["predict", run, text, "--json"]);
    expect(JSON.parse(json.stdout)).toEqual({ event: "prediction", text, misspelt: ["folows"], missing: [text.indexOf(" small teacher")] });
  });

  it("finds nothing where nothing is, and complains of no words", async () => {
    const clean = await kasane(["predict", run, "The small engine follows the heavy window."]);
    expect(clean.stdout.split("\n")[1]).toBe("nothing found");
    const none = await kasane(["predict", run, "..., 7"]);
    expect(none).toMatchObject({ code: 2, stderr: 'kasane: predict: "..., 7" has no word\n' });
  });
});

it("goes on after an interrupt as if there had been none", async () => {
  await expectSameWhenResumed([...command, "--epochs", "2", "--sentences", "200"], folder, 1);
}, 60_000);

it("complains of a corpus without sentences", async () => {
  const file = join(folder, "few.txt");
  writeFileSync(file, "One sentence of a few words.");
  const { code, stderr } = await kasane(["run", "typo-detection", "--corpus", file, "--runs", folder]);
  expect(stderr).toMatch(/^kasane: --corpus: .*few\.txt has too few sentences of 5 to 31 words: 1 to train on, 0 and 0 to be held out\n$/);
  expect(code).toBe(2);
});

describe("the detector", () => {
  const sentences = ["a short one .", "one of a somewhat greater length , with strange words .", "here"].map((text) => text.split(" "));
  const vocabulary = data.Vocabulary.of("a one of with words .".split(" "), { specials: [unknownWord, endMark] });
  seed(3);
  const detector = new TypoDetector(vocabulary.size, true, { hiddenSize: 5, wordSize: 4, characterSize: 3, dropout: 0.5 });

  it("judges a sentence alike alone and beside longer ones", async () => {
    const together = await judge(detector, vocabulary, "cpu", 20)(sentences);
    for (const [i, tokens] of sentences.entries()) {
      const [alone] = await judge(detector, vocabulary, "cpu")([tokens]);
      for (const mark of ["misspelt", "missing"] as const) {
        expect(alone?.[mark]).toHaveLength(tokens.length + Number(mark === "missing"));
        // Float32, in sums of another order.
        alone?.[mark].forEach((score, t) => expect(score).toBeCloseTo(together[i]?.[mark][t] as number, 5));
      }
    }
  });

  it("is exported for sentences of any number and length", async () => {
    const file = join(folder, "detector.onnx");
    await exportDetector(detector, file);
    const session = await InferenceSession.create(file);
    for (const batch of [sentences, sentences.slice(0, 1)]) {
      const encoded = Object.entries(encodeSentences(batch, vocabulary, 13));
      const feeds = encoded.map(async ([name, x]) => [name, new OrtTensor("int32", (await x.data()) as Int32Array, x.shape)] as const);
      const { dims, data: given } = Object.values(await session.run(Object.fromEntries(await Promise.all(feeds))))[0] as OrtTensor;
      expect(dims).toEqual([13, batch.length, 2]);
      const expected = await judge(detector, vocabulary, "cpu")(batch);
      expected.forEach(({ missing }, row) => {
        for (const [t, score] of missing.entries()) expect(given[2 * (t * batch.length + row) + 1]).toBeCloseTo(score, 5);
      });
    }
  });

  it("has the mean loss of the places that there are", async () => {
    const corrupted = sentences.map((tokens) => data.corruptSentence(tokens, { misspelling: 0.5, omission: 0 }, [1, tokens.length]));
    const scores = await judge(detector, vocabulary, "cpu")(corrupted.map(({ tokens }) => tokens));
    const losses = corrupted.flatMap(({ misspelt, missing }, i) => {
      const loss = (truth: boolean, p: number) => -Math.log(truth ? p : 1 - p);
      const marks = missing.map((truth, t) => loss(truth, scores[i]?.missing[t] as number));
      return [...marks, ...misspelt.map((truth, t) => loss(truth, scores[i]?.misspelt[t] as number))];
    });
    const inputs = encodeSentences(
      corrupted.map(({ tokens }) => tokens),
      vocabulary,
      14,
    );
    const logits = detector.forward(inputs);
    const loss = await detectionLoss(logits, targetsOf(corrupted, 14), inputs.lengths).item();
    // The end marks too are asked whether they are misspelt, which they never are: what they cost is not in the scores.
    const ends = await Promise.all(sentences.map(async ({ length }, row) => (await logits.data())[2 * (length * sentences.length + row)]));
    const all = [...losses, ...ends.map((logit) => Math.log1p(Math.exp(Number(logit))))];
    expect(loss).toBeCloseTo(all.reduce((sum, value) => sum + value, 0) / all.length, 5);
  });
});

describe("the n-gram baseline", () => {
  const model = new CharacterNgrams();
  for (let i = 0; i < 300; i++) model.add(sentenceText(sentence(i).split(" ")));

  it("has probabilities that add up to one after every context", () => {
    const characters = [..." abcdefghijklmnopqrstuvwxyz'0.,;:!?()\"\n", "é"];
    for (const context of ["", "the", " gree", "zzzz", "e. q"]) {
      const total = characters.reduce((sum, next) => sum + Math.exp(-(model.surprisals(context + next).at(-1) as number)), 0);
      expect(total).toBeCloseTo(1, 12);
    }
  });

  it("is surprised by a typo, and by what follows a gap, more than by any place of a sound sentence", () => {
    const score = (text: string) => surpriseScores(model, text.split(" "));
    const sound = Array.from({ length: 300 }, (_, i) => score(sentence(i)));
    const highest = (mark: "misspelt" | "missing") => Math.max(...sound.flatMap((scores) => scores[mark]));
    const { misspelt } = score("the green garden wacthes the small teacher .");
    expect(misspelt).toHaveLength(8);
    expect(misspelt[3]).toBeGreaterThan(highest("misspelt"));
    const { missing } = score("the green garden watches small teacher .");
    expect(missing).toHaveLength(8);
    expect(missing[4]).toBeGreaterThan(highest("missing"));
  });
});

describe("Detection", () => {
  const detection = new Detection();
  const scores = [0.9, 0.8, 0.8, 0.4, 0.3, 0.2, 0.1];
  const truths = [true, false, true, true, false, false, true];
  scores.forEach((score, i) => detection.add(score, truths[i] as boolean));

  it("counts precision and recall", () => {
    expect(detection.at(0.8)).toEqual({ precision: 2 / 3, recall: 0.5, f1: 4 / 7 });
    expect(detection.at(1)).toEqual({ precision: 0, recall: 0, f1: 0 });
  });

  it("finds the threshold of the best F1, equal scores together", () => {
    expect(detection.best()).toEqual({ threshold: 0.4, precision: 0.75, recall: 0.75, f1: 0.75 });
    expect(detection.series("all")).toEqual({ name: "all", x: [0.25, 0.5, 0.75, 1], y: [1, 2 / 3, 0.75, 4 / 7] });
  });
});
