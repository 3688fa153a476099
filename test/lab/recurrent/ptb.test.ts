import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { data, seed } from "kasane";
import { expect, it, vi } from "vitest";
import { Context, PredictContext } from "../../../lab/context.js";
import { Interrupted } from "../../../lab/ended.js";
import { LanguageModel, type LanguageModelOptions } from "../../../lab/recurrent/languageModel.js";
import { evaluation, ptb, trainOn } from "../../../lab/recurrent/ptb.js";
import { chunkCount, chunks, wordsOf } from "../../../lab/recurrent/textStream.js";
import { RunFolder } from "../../../lab/runFolder.js";

const plain: LanguageModelOptions = {
  cell: "lstm",
  layers: 2,
  hiddenSize: 5,
  initialRange: 0.5,
  tied: false,
  dropout: 0,
  lockedDropout: false,
  recurrentDropout: 0,
  wordDropout: 0,
  frequentWords: 0,
  sampledWords: 0,
};

it("puts <eos> after every sentence and passes by empty lines", () => {
  expect(wordsOf(new TextEncoder().encode(" the cat \n\n sat <unk> \n"))).toEqual(["the", "cat", "<eos>", "sat", "<unk>", "<eos>"]);
});

it("cuts a text into stretches side by side, each chunk going on where the last one ended", async () => {
  const text = Int32Array.from({ length: 15 }, (_, i) => i);
  const all = await Promise.all([...chunks(text, 2, 3)].map(async ({ ids, targets }) => [await ids.array(), await targets.array()]));
  expect(all).toEqual([
    [
      [
        [0, 7],
        [1, 8],
        [2, 9],
      ],
      [
        [1, 8],
        [2, 9],
        [3, 10],
      ],
    ],
    [
      [
        [3, 10],
        [4, 11],
        [5, 12],
      ],
      [
        [4, 11],
        [5, 12],
        [6, 13],
      ],
    ],
  ]);
  expect(chunkCount(text, 2, 3)).toBe(2);
  const rest = [...chunks(text, 2, 4, true)].map(({ ids }) => ids.shape);
  expect(rest).toEqual([
    [4, 2],
    [3, 2],
  ]);
  expect(() => [...chunks(text, 2, 8)]).toThrow("too short");
});

it("carries the state from chunk to chunk: a text's perplexity does not depend on where it is cut", async () => {
  seed(3);
  const model = new LanguageModel(11, 1, plain);
  const text = Int32Array.from({ length: 41 }, (_, i) => (i * i) % 11);
  const measure = evaluation(model, 1, "cpu");
  const whole = await measure(text, 40);
  expect(whole).toBeGreaterThan(5);
  // float32 sums in another order
  expect(Math.abs((await measure(text, 7)) - whole)).toBeLessThan(1e-5 * whole);
});

it("trains on the vectors once where they are tied, and drops nothing outside training", async () => {
  const dropping = {
    ...plain,
    tied: true,
    dropout: 0.5,
    lockedDropout: true,
    recurrentDropout: 0.5,
    wordDropout: 0.5,
    frequentWords: 3,
    sampledWords: 2,
  };
  seed(4);
  const model = new LanguageModel(11, 2, dropping);
  expect([...model.namedVariables().keys()].filter((name) => name.startsWith("layers.0")).length).toBe(4);
  expect(model.parameters().length).toBe(1 + 2 * 4 + 1);
  seed(4);
  const same = new LanguageModel(11, 2, { ...plain, tied: true });
  const text = Int32Array.from({ length: 31 }, (_, i) => (i * 7) % 11);
  expect(await evaluation(model, 1, "cpu")(text, 10)).toBe(await evaluation(same, 1, "cpu")(text, 10));
});

it("has a choice of cells, of which an LSTM alone drops units between steps", () => {
  const sizes = (["rnn", "gru", "lstm"] as const).map(
    (cell) => new LanguageModel(11, 1, { ...plain, cell }).layers[0]?.parameters()[0]?.shape,
  );
  expect(sizes).toEqual([
    [5, 5],
    [15, 5],
    [20, 5],
  ]);
  expect(() => new LanguageModel(11, 1, { ...plain, cell: "gru", recurrentDropout: 0.1 })).toThrow("only an LSTM has it, got cell gru");
});

it("makes the same curve to the bit when it is interrupted within an epoch and resumed", async () => {
  vi.spyOn(Context.prototype, "print").mockImplementation(() => undefined);
  const asked: Record<string, unknown>[] = [];
  vi.spyOn(PredictContext.prototype, "print").mockImplementation((_, record) => void (record && asked.push(record)));
  const words = Int32Array.from({ length: 4000 }, (_, i) => (i * i + (i >> 3)) % 11);
  const vocabulary = new data.Vocabulary(Array.from({ length: 11 }, (_, i) => ["<unk>", "<eos>"][i] ?? `word${i}`));
  const texts = { vocabulary, train: words, valid: words.slice(0, 900), test: words.slice(900, 1500) };
  const settings = { ...ptb.presets?.tied, hiddenSize: 6, frequentWords: 4, sampledWords: 3, batchSize: 4, steps: 5, epochs: 2 };
  const options = ptb.options.parse(settings) as Parameters<typeof trainOn>[2];
  const parent = mkdtempSync(join(tmpdir(), "kasane-ptb-"));
  const config = { experiment: "ptb", options, seed: 5, device: "cpu", started: new Date().toISOString(), finished: false };

  const run = async (folder: RunFolder, resuming = false) => {
    seed(5);
    await trainOn(texts, new Context(folder, { json: false }, resuming), options);
    return folder.metrics.read();
  };
  try {
    const unbroken = await run(await RunFolder.create(parent, config));
    const folder = await RunFolder.create(parent, config);
    // 199 steps an epoch: the first record is made within it.
    const watch = setInterval(() => {
      if (folder.metrics.read().length === 0) return;
      clearInterval(watch);
      process.emit("SIGINT", "SIGINT");
    }, 1);
    await expect(run(folder)).rejects.toThrow(Interrupted);
    expect(folder.metrics.read().length).toBeLessThan(unbroken.length);
    expect(await run(folder, true)).toEqual(unbroken);
    expect(unbroken.at(-1)?.testPerplexity).toBeGreaterThan(1);
    expect(readFileSync(folder.file("perplexity.svg"), "utf8")).toContain("validation text");

    // What follows "<eos> word5": p(a) / p(b) is what the perplexities of the texts with a and with b say, exp(-ln(p(5) p(a)) / 2).
    const context = new PredictContext(folder, { json: false });
    await ptb.predict?.run(context, options, "word5", { best: 11 });
    const following = asked[0]?.following as { word: string; probability: number }[];
    expect(following.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
    expect(following.map(({ probability }) => probability)).toEqual(following.map(({ probability }) => probability).sort((a, b) => b - a));
    const model = new LanguageModel(11, 1, options);
    await context.restore({ model }, "best");
    const perplexityWith = (word = "") => evaluation(model, 1, "cpu")(Int32Array.of(1, 5, vocabulary.id(word)), 2);
    const [first, last] = [following[0], following.at(-1)];
    const ratio = ((await perplexityWith(last?.word)) / (await perplexityWith(first?.word))) ** 2;
    expect((first?.probability as number) / (last?.probability as number) / ratio).toBeCloseTo(1, 4);
  } finally {
    rmSync(parent, { recursive: true });
  }
});
