import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { models } from "kasane";
import { beforeAll, describe, expect, it } from "vitest";
import { englishTokens } from "../../../lab/sequence/englishSentence.js";
import { bleuOf, corpusOf, Translator } from "../../../lab/sequence/translation.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";
import { inPlaceOfDatasets } from "./sentencePairs.js";

const folder = temporaryFolder();
const small = [
  ...["--layers", "2", "--decoder-layers", "1", "--heads", "2", "--size", "32", "--inner-size", "64", "--dropout", "0"],
  ...["--minimum-count", "1", "--batch-size", "16", "--buckets", "1", "--warm-up", "20", "--learning-rate", "0.01"],
];

beforeAll(inPlaceOfDatasets);

describe("kasane run translate", () => {
  let run: string;
  let stdout: string;
  beforeAll(async () => {
    const result = await kasane(["run", "translate", "--json", "--runs", folder, ...small, "--epochs", "40"]);
    expect(result.code).toBe(0);
    stdout = result.stdout;
    run = folderOf(stdout);
  }, 60_000);

  it("learns its pairs, and reports BLEU of dev and test, greedily and by beams", () => {
    const results = eventsOf(stdout, "bleu") as unknown as {
      part: string;
      name: string;
      score: number;
      low: number;
      high: number;
      signature: string;
    }[];
    expect(results.map(({ part, name }) => `${part} ${name}`)).toEqual(["dev greedy", "dev beam", "test greedy", "test beam"]);
    for (const { score, low, high, signature } of results) {
      // Learnt by heart, but for a word or two.
      expect(score).toBeGreaterThan(85);
      expect(low).toBeLessThanOrEqual(score);
      expect(high).toBeLessThanOrEqual(100 + 1e-9);
      expect(signature).toBe("nrefs:1|case:mixed|eff:no|tok:none|smooth:exp|version:2.6.0");
    }
    // The state reported is the one that was best in training.
    const scores = eventsOf(stdout, "metrics").flatMap(({ devBleu }) => (devBleu === undefined ? [] : [devBleu]));
    expect(scores).toHaveLength(40);
    expect(results[0]?.score).toBe(Math.max(...scores));
    for (const file of ["bleu.svg", "encoder.onnx", "decoder.onnx", "minutes.txt"]) expect(existsSync(join(run, file)), file).toBe(true);
  });

  it("shows source, target and output of the same sentences after each epoch", async () => {
    const { stdout } = await kasane(["run", "translate", "--runs", folder, ...small, "--epochs", "2", "--buckets", "2"]);
    expect(stdout.match(/^source: red cat \.\ntarget: 猫 赤い 。\noutput: .*$/gm)).toHaveLength(2);
    expect(stdout).toMatch(/^48 pairs, 13 and 13 words, \d+ parameters; 3 steps an epoch, in 2 graphs$/m);
    expect(stdout).toMatch(/^test, beam: BLEU [\d.]+, 95 % in [\d.]+ to [\d.]+ \(nrefs:1\|/m);
  });

  it("translates sentences, as they are typed too, and says which words it does not know", async () => {
    const asked = await kasane(["predict", run, "Red cat.", "--json"]);
    expect(asked.stdout).toBe('{"event":"translation","source":"red cat .","target":"猫 赤い 。","unknown":[]}\n');
    const { stdout } = await kasane(["predict", run, "red whale ."]);
    expect(stdout).toMatch(/^not among the words that it has learnt: whale\n\S/);
  });

  it("draws what every head looked at", async () => {
    const { code } = await kasane(["predict", run, "red cat .", "--attention"]);
    expect(code).toBe(0);
    const svg = readFileSync(join(run, "attention.svg"), "utf8");
    expect(svg).toContain("red cat . → 猫 赤い 。");
    // Two layers of the encoder and one of the decoder, which looks at two things, by two heads each. The sentence stands at two sides of the
    // encoder's maps, at the top of the last.
    expect(svg.match(/>head [12]</g)).toHaveLength(8);
    expect(svg.match(/>cat</g)).toHaveLength(10);
    expect(svg.match(/>猫</g)).toHaveLength(6);
    // Each row's weights have the sum 1.
    const opacities = [...svg.matchAll(/height="18" fill="#08306b" fill-opacity="([\d.]+)"/g)].map(([, opacity]) => Number(opacity));
    expect(Math.abs(opacities.reduce((a, b) => a + b, 0) - 2 * (3 + 3 + 4 + 4))).toBeLessThan(0.005 * 2 * (9 + 9 + 16 + 12));
  });

  it.each([
    ["", 'got "", expected a sentence: it has no words'],
    ["  ", 'got "  ", expected a sentence: it has no words'],
    ["赤い猫。", 'got "赤い猫。", expected English: "赤" is no letter of it'],
    ["cat ".repeat(17), "got a sentence of 17 words and marks, expected at most 16"],
  ])("says what is wrong with %j", async (text, message) => {
    const { code, stderr } = await kasane(["predict", run, text]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it("does not go on with a model of other sizes, and loses nothing", async () => {
    const other = await kasane(["run", "translate", "--runs", folder, "--resume", run, "--size", "16"]);
    expect(other.stderr).toContain("last.safetensors is of another model");
    expect(other.code).toBe(2);
    expect((await kasane(["predict", run, "red cat ."])).stdout).toBe("猫 赤い 。\n");
  });

  it("reports a finished run again, with another search", async () => {
    const { code, stdout } = await kasane(["run", "translate", "--json", "--runs", folder, "--resume", run, "--beams", "2"]);
    expect(code).toBe(0);
    expect(eventsOf(stdout, "bleu")).toHaveLength(4);
    expect(JSON.parse(readFileSync(join(run, "config.json"), "utf8"))).toMatchObject({ finished: true, options: { beams: 2 } });
  });

  it("goes on after an interrupt as if there had been none", async () => {
    await expectSameWhenResumed(["run", "translate", ...small, "--dropout", "0.1", "--epochs", "4"], folder, 5);
  });

  it("has a choice of schedules and norms, and says where heads do not share the size", async () => {
    const words = ["run", "translate", "--runs", folder, ...small, "--epochs", "1"];
    expect(await kasane([...words, "--no-pre-norm", "--schedule", "inverseSquareRoot"])).toMatchObject({ code: 0 });
    const { code, stderr } = await kasane([...words, "--heads", "3"]);
    expect(stderr).toContain("--heads: 3 heads do not share --size 32 evenly");
    expect(code).toBe(2);
  });
});

it("cuts English as the corpus does", () => {
  for (const [text, tokens] of [
    ["show your own business .", "show your own business ."],
    ["I can't swim at all.", "i can 't swim at all ."],
    ["i can 't swim at all .", "i can 't swim at all ."],
    ["We’ll leave at nine o'clock, won't we?", "we 'll leave at nine o 'clock , won 't we ?"],
    ['Mr. Smith said, "Stop."', "mr smith said , '' stop . ''"],
    ["It cost 10,000 yen... in the U.S.", "it cost 10,000 yen ... in the u.s."],
    ["He is a good-looking man!", "he is a good-looking man !"],
  ] as const) {
    expect(englishTokens(text).join(" ")).toBe(tokens);
  }
});

describe("a corpus", () => {
  const pairs = ["a b|x y", "a c|x z", "a b|x w"].map((line) => {
    const [source, target] = line.split("|").map((side) => side.split(" ")) as [string[], string[]];
    return { source, target };
  });

  it("has ids for the frequent words of its training pairs alone", () => {
    const { vocabularies, train, test } = corpusOf({ train: pairs, dev: pairs, test: [{ source: ["c"], target: ["v"] }] }, 2, 3);
    expect(vocabularies.source.tokens).toEqual(["<PAD>", "<UNK>", "<BOS>", "<EOS>", "a", "b"]);
    expect(vocabularies.target.tokens).toEqual(["<PAD>", "<UNK>", "<BOS>", "<EOS>", "x"]);
    expect(train.map(({ source, target }) => [...Array.from(source), -1, ...Array.from(target)])).toEqual([
      [4, 5, -1, 2, 4, 1, 3],
      [4, 1, -1, 2, 4, 1, 3],
      [4, 5, -1, 2, 4, 1, 3],
    ]);
    // A word that the vocabulary lacks stays in the reference, where nothing matches it.
    expect(bleuOf([["<UNK>"]], test).score).toBe(0);
    expect(bleuOf([["v"]], test, { effectiveOrder: true }).score).toBeCloseTo(100, 10);
  });

  it("says which sentence is too long", () => {
    expect(() => corpusOf({ train: pairs, dev: pairs, test: pairs }, 1, 1)).toThrow(
      "--longest: the corpus has a sentence of 2 words, expected at most 1: set it to 2",
    );
  });

  it("is translated the same whatever is translated beside it, without an unknown word", async () => {
    const { vocabularies, train } = corpusOf({ train: pairs, dev: pairs, test: pairs }, 2, 3);
    const sizes = { sourceVocabulary: 6, targetVocabulary: 5, size: 8 };
    const model = new models.Transformer({ ...sizes, layers: 1, heads: 2, innerSize: 8 });
    const translator = new Translator(model, vocabularies, 3, "cpu");
    // 131 sentences are two chunks of 66, of which the second is filled up.
    const many = Array.from({ length: 131 }, (_, i) => train[i % 3] as (typeof train)[0]);
    const [one, two] = [await translator.translate(train.slice(0, 1)), await translator.translate(train.slice(1, 2))];
    const all = await translator.translate(many);
    expect(all).toHaveLength(131);
    expect(all[0]).toEqual(one[0]);
    expect(all[130]).toEqual(two[0]);
    expect(all.flat()).not.toContain("<UNK>");
    // The mean of the losses of each, weighted by the tokens: what fills up counts for nothing.
    const losses = [
      await translator.crossEntropy(train.slice(0, 1)),
      await translator.crossEntropy(train.slice(1, 2)),
      await translator.crossEntropy(train.slice(2)),
    ];
    expect(await translator.crossEntropy(train)).toBeCloseTo(losses.reduce((a, b) => a + b, 0) / 3, 5);
    expect(await translator.crossEntropy(many)).toBeCloseTo(
      (44 * (losses[0] as number) + 44 * (losses[1] as number) + 43 * (losses[2] as number)) / 131,
      5,
    );
  });
});
