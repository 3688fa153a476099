import { check, data, metrics, optim, random } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { seriesOf } from "../plot/chart.js";
import {
  type Architecture,
  architectureNames,
  architectures,
  begin,
  end,
  makeModel,
  matrix,
  saveOnnx,
  trainingStep,
  writer,
} from "./architectures.js";

const schema = z.object({
  digits: option.fixed(z.int().min(1).max(6).default(3).describe("digits of the numbers at most")),
  examples: z.int().min(1).default(50_000).describe("sums that are learnt from"),
  heldOut: option.fixed(z.int().min(1).default(5000).describe("sums that are tried and never learnt from, neither way round")),
  architecture: z
    .enum(architectureNames as [Architecture, ...Architecture[]])
    .default("attention")
    .describe("what reads and writes"),
  size: option.modelSize("the state and of a sign's vector", 4).default(128),
  epochs: option.epochs("the examples").default(10),
  batchSize: option.batchSize("sums").default(128),
  learningRate: option.cosineLearningRate().default(0.002),
});

/** Sums are read and written sign by sign. */
const vocabulary = new data.Vocabulary([...data.sentenceSpecials, ..."+0123456789"]);

const vocabularies = { sourceVocabulary: vocabulary.size, targetVocabulary: vocabulary.size };

type Addends = readonly [number, number];
const question = ([a, b]: Addends): string => `${a}+${b}`;
const answer = ([a, b]: Addends): string => `${a + b}`;
const encode = (text: string): number[] => [...vocabulary.encode([...text])];

/** Draws different pairs below 10^digits, none of which is in `seen`, also not the other way round; then they are. */
async function drawAddends(count: number, digits: number, seen: Set<string>): Promise<Addends[]> {
  const pairs: Addends[] = [];
  while (pairs.length < count) {
    const draws = await random
      .uniform([count, 2], 0, 10 ** digits)
      .floor()
      .data();
    for (let i = 0; i < count && pairs.length < count; i++) {
      const pair = [Number(draws[2 * i]), Number(draws[2 * i + 1])] as const;
      const key = question([Math.min(...pair), Math.max(...pair)]);
      if (seen.has(key)) continue;
      seen.add(key);
      pairs.push(pair);
    }
  }
  return pairs;
}

/** Sums as text, sign by sign: the classic first task of sequence to sequence. */
export const addition = defineExperiment({
  name: "addition",
  title: 'Addition as text: "123+456" to "579", learnt from examples',
  chapter: "sequence",
  options: schema,

  async run(context, options) {
    const { digits, examples, heldOut, architecture, size, epochs, batchSize, learningRate } = options;
    const { device, seed } = context;

    // Data: no sum that is tried is learnt from.
    const possible = (10 ** digits * (10 ** digits + 1)) / 2;
    const needed = examples + 2 * heldOut;
    check(needed <= possible / 2, () => `--examples: ${needed} sums of ${possible} with ${digits} digits: lower --examples or --held-out`);
    check(examples >= batchSize, () => `--batch-size: ${batchSize} is more than the ${examples} examples`);
    const seen = new Set<string>();
    const test = await drawAddends(heldOut, digits, seen);
    const valid = await drawAddends(heldOut, digits, seen);
    const learnt = await drawAddends(examples, digits, seen);
    const [width, length] = [2 * digits + 1, digits + 3];

    // Model
    const model = makeModel(architecture, { ...vocabularies, size });
    const perEpoch = Math.floor(examples / batchSize);
    const optimizer = new optim.Adam(model, { learningRate: optim.cosine(learningRate, epochs * perEpoch), clipGlobalNorm: 1 });
    const parameters = model.parameterCount();
    context.print(`${architectures[architecture]}, ${parameters} parameters; ${examples} examples, ${perEpoch} steps an epoch`);

    // Step: "<BOS>579<EOS>" from "123+456".
    const step = trainingStep(model, optimizer, device);
    const sourceOf = (pairs: readonly Addends[]) => pairs.map((pair) => encode(question(pair)));
    const targetOf = (pairs: readonly Addends[]) => pairs.map((pair) => [begin, ...encode(answer(pair)), end]);
    const write = writer(model, width, digits + 2, device);
    const exactOf = (answers: readonly (readonly number[])[], pairs: readonly Addends[]) => {
      const references = pairs.map((pair) => [encode(answer(pair))]);
      return 1 - metrics.sequenceErrorRate(answers, references);
    };

    // Loop: the sums in another order each epoch.
    const { history, step: last } = await context.fit({
      state: { model, optimizer },
      epochs,
      batches: (epoch) => data.batches(examples, { batchSize, seed, epoch, dropLast: true }),
      step: (places) => {
        const pairs = Array.from(places, (place) => learnt[place] as Addends);
        return step({ source: matrix(sourceOf(pairs), width), target: matrix(targetOf(pairs), length) });
      },
      validate: async () => ({ exact: exactOf(await write(sourceOf(valid)), valid) }),
      best: { metric: "exact", mode: "max" },
    });

    // Report: the best state on sums that it was not chosen by.
    await context.plot("exact", {
      title: `Sums of ${digits}-digit numbers: ${architectures[architecture]}`,
      xLabel: "update",
      yLabel: "share of held-out sums that are exact",
      series: [seriesOf(history, "exact", "held out")],
    });
    await context.restore({ model }, "best");
    const answers = await write(sourceOf(test));
    const exact = exactOf(answers, test);
    context.record(last, { testExact: exact });
    for (const [i, pair] of test.slice(0, 5).entries()) {
      context.print(`${question(pair)} = ${vocabulary.decode(answers[i] as number[]).join("")} (${answer(pair)})`);
    }
    context.print(`exact: ${(100 * exact).toFixed(2)} % of ${heldOut} held-out sums`, { event: "test", exact });
    await saveOnnx(context, model, digits + 2);
  },

  predict: {
    text: 'a sum, such as "123+456"',
    async run(context, { digits, architecture, size }, text) {
      const [a, b] = /^\s*(\d+)\s*\+\s*(\d+)\s*$/.exec(text)?.slice(1) ?? [];
      check(
        a !== undefined && b !== undefined && Math.max(a.length, b.length) <= digits,
        () => `predict: got "${text}", expected two integers of at most ${digits} digits, such as "123+456"`,
      );
      const pair = [Number(a), Number(b)] as const;
      const model = makeModel(architecture, { ...vocabularies, size });
      await context.restore({ model }, "best");
      const [ids] = await writer(model, 2 * digits + 1, digits + 2, context.device)([encode(question(pair))]);
      const written = vocabulary.decode(ids as number[]).join("");
      const verdict = written === answer(pair) ? "right" : `wrong: ${answer(pair)}`;
      context.print(`${question(pair)} = ${written} (${verdict})`, { question: question(pair), answer: written, sum: pair[0] + pair[1] });
    },
  },
});
