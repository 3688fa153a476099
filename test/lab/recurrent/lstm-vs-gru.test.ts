import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { data, seed } from "kasane";
import { train } from "kasane/node";
import { expect, it, vi } from "vitest";
import { Context, PredictContext } from "../../../lab/context.js";
import { Interrupted } from "../../../lab/ended.js";
import { compareCells, lstmVsGru } from "../../../lab/recurrent/lstm-vs-gru.js";
import { RunFolder } from "../../../lab/runFolder.js";

it("trains each cell alike, counts what it is made of, and goes on after an interrupt as if there had been none", async () => {
  const printed: Record<string, unknown>[] = [];
  vi.spyOn(PredictContext.prototype, "print").mockImplementation((_, record) => {
    if (record) printed.push(record);
  });
  // Each word follows from the one before it.
  const words = Int32Array.from({ length: 4000 }, (_, i) => (3 * i) % 11);
  const vocabulary = new data.Vocabulary(Array.from({ length: 11 }, (_, i) => ["<unk>", "<eos>"][i] ?? `word${i}`));
  const texts = { vocabulary, train: words, valid: words.slice(0, 900), test: words.slice(900, 1500) };
  const options = lstmVsGru.options.parse({
    hiddenSize: 6,
    batchSize: 4,
    steps: 5,
    epochs: 2,
    learningRate: 0.03,
    timedSteps: 3,
  }) as Parameters<typeof compareCells>[2];
  const parent = mkdtempSync(join(tmpdir(), "kasane-cells-"));
  const config = { experiment: "lstm-vs-gru", options, seed: 5, device: "cpu", started: new Date().toISOString(), finished: false };
  const parts = ["", "rnn", "lstm", "gru"];
  const metricsOf = (folder: RunFolder) => parts.map((part) => readFileSync(folder.file(join(part, "metrics.jsonl")), "utf8"));

  const run = async (folder: RunFolder, resuming = false) => {
    seed(5);
    await compareCells(texts, new Context(folder, { json: false }, resuming), options);
  };
  try {
    const unbroken = await RunFolder.create(parent, config);
    await run(unbroken);
    const results = printed.splice(0);
    expect(results.map(({ cell }) => cell)).toEqual(["rnn", "lstm", "gru"]);
    for (const [i, gates] of [1, 4, 3].entries()) {
      // Two matrices and two biases of each gate; beside them the vectors of 11 words and their biases.
      const recurrent = gates * (2 * 6 * 6 + 2 * 6);
      expect(results[i]).toMatchObject({ recurrent, parameters: recurrent + 11 * 6 + 11 });
      expect(results[i]?.milliseconds).toBeGreaterThan(0);
      // All words are equally frequent: 11 without a look at the word before, 1 with it.
      expect(results[i]?.validPerplexity).toBeLessThan(2);
    }
    expect(readFileSync(unbroken.file("loss.svg"), "utf8")).toContain("simple RNN");

    await lstmVsGru.predict?.run(new PredictContext(unbroken, { json: false }), options, "word4 word7 word10 word2 word5", { best: 2 });
    const asked = printed.splice(0) as { cell: string; following: { word: string; probability: number }[] }[];
    expect(asked.map(({ cell, following }) => [cell, following[0]?.word, following.length])).toEqual(
      ["rnn", "lstm", "gru"].map((cell) => [cell, "word8", 2]),
    );

    const folder = await RunFolder.create(parent, config);
    const { append } = train.MetricsFile.prototype;
    let appended = 0;
    const spy = vi.spyOn(train.MetricsFile.prototype, "append").mockImplementation(function (this: train.MetricsFile, line) {
      append.call(this, line);
      // Within the second cell's training: the first one's makes 7 records, and one in the run's own folder.
      if (++appended === 9) process.emit("SIGINT", "SIGINT");
    });
    await expect(run(folder)).rejects.toThrow(Interrupted);
    spy.mockRestore();
    await run(folder, true);
    expect(metricsOf(folder)).toEqual(metricsOf(unbroken));
  } finally {
    rmSync(parent, { recursive: true });
  }
});
