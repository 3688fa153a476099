import { check, compile, optim, seed } from "kasane";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { type Series, seriesOf } from "../plot/chart.js";
import { followingWords, loadWords, readWords, saveWords, wordQuestion } from "./followingWords.js";
import { LanguageModel, Readers } from "./languageModel.js";
import { evaluation, readTexts, type Texts } from "./ptb.js";
import { type Chunk, chunkCount, chunks } from "./textStream.js";

const cells = { rnn: "simple RNN", lstm: "LSTM", gru: "GRU" };
type Cell = keyof typeof cells;
const cellNames = Object.keys(cells) as Cell[];

/** The validation text is read as this number of sequences, this number of words at a time. */
const validation = { batchSize: 20, steps: 25 };

const options = z.object({
  layers: option.layers("recurrent layers").default(1),
  hiddenSize: option.hiddenSize("the states and of the word vectors").default(200),
  batchSize: option.sequences().default(32),
  steps: option.stepsBack().default(35),
  epochs: option.epochs("the text, the same for every cell").default(1),
  learningRate: option.cosineLearningRate().default(0.003),
  clipNorm: option.clipNorm().default(5),
  timedSteps: z.int().min(1).default(50).describe("steps that are timed after the training; their median counts"),
});
type Options = z.output<typeof options>;

export const lstmVsGru = defineExperiment({
  name: "lstm-vs-gru",
  title: "LSTM against GRU: what the gates cost, and what they bring on the Penn Treebank",
  chapter: "recurrent",
  options,

  async run(context, o) {
    await compareCells(await readTexts(context), context, o);
  },

  predict: {
    ...wordQuestion,
    async run(context, o, text, flags) {
      const vocabulary = loadWords(context);
      const ids = readWords(context, vocabulary, text);
      for (const cell of context.trained(cellNames)) {
        const model = makeModel(cell, vocabulary.size, 1, o);
        await context.restore({ model }, "last", cell);
        const best = flags.best as number;
        const following = await followingWords(model, ids, { vocabulary, best, device: context.device });
        const rows = following.map(({ word, probability }) => [word, probability.toPrecision(4)]);
        context.print(`\n${fittedTable([`next word, ${cells[cell]}`, "probability"], rows)}`, {
          event: "prediction",
          cell,
          text,
          following,
        });
      }
    },
  },
});

/** Nothing but the cell differs. A step's softmax is over a part of the vocabulary: it would else take more time than the cell. */
function makeModel(cell: Cell, vocabularySize: number, batchSize: number, { layers, hiddenSize }: Options): LanguageModel {
  const sampledWords = Math.floor(vocabularySize / 10);
  const plain = { initialRange: 0.1, tied: true, dropout: 0, lockedDropout: false, recurrentDropout: 0, wordDropout: 0 };
  return new LanguageModel(vocabularySize, batchSize, { ...plain, cell, layers, hiddenSize, frequentWords: sampledWords, sampledWords });
}

/** Trains one language model of each cell for the same number of steps, and compares size, speed and perplexity. */
export async function compareCells(texts: Texts, context: Context, o: Options): Promise<void> {
  const { device } = context;
  const { batchSize, steps } = o;
  const vocabularySize = texts.vocabulary.size;
  const perEpoch = chunkCount(texts.train, batchSize, steps);
  check(perEpoch > 0, () => `lstm-vs-gru: ${texts.train.length} words are too few for --batch-size ${batchSize} --steps ${steps}`);
  const total = o.epochs * perEpoch;
  context.print(
    `${texts.train.length} words to train on, vocabulary ${vocabularySize}; each cell gets ${total} steps of ${batchSize * steps} words`,
  );

  const losses: Series[] = [];
  const rows: string[][] = [];
  await saveWords(context, texts.vocabulary);
  for (const cell of cellNames) {
    seed(context.seed);
    const model = makeModel(cell, vocabularySize, batchSize, o);
    const readers = new Readers(model, batchSize);
    const optimizer = new optim.Adam(model, { learningRate: optim.cosine(o.learningRate, total), clipGlobalNorm: o.clipNorm });

    // Step
    const step = compile(
      ({ ids, targets }: Chunk) => {
        const loss = model.loss(ids, targets, readers);
        optimizer.minimize(loss);
        return { loss };
      },
      { training: true, device },
    );
    const perplexityOf = evaluation(model, validation.batchSize, device);

    // Loop
    const { history, step: last } = await context.fit({
      ...context.part(cell),
      state: { model, optimizer, readers },
      epochs: o.epochs,
      steps: total,
      *batches() {
        let first = true;
        for (const chunk of chunks(texts.train, batchSize, steps)) {
          yield { chunk, first };
          first = false;
        }
      },
      async step({ chunk, first }) {
        if (first) await readers.reset();
        return step(chunk);
      },
      validate: async () => ({ validPerplexity: await perplexityOf(texts.valid, validation.steps) }),
    });

    // Report
    const validPerplexity = history.findLast((metrics) => metrics.validPerplexity !== undefined)?.validPerplexity as number;
    const parameters = model.parameterCount();
    const recurrent = model.layers.reduce((sum, layer) => sum + layer.parameterCount(), 0);
    const milliseconds = await medianTime([...firstOf(chunks(texts.train, batchSize, steps), o.timedSteps)], async (chunk) =>
      (await step(chunk)).loss.item(),
    );
    losses.push(seriesOf(history, "loss", cells[cell]));
    context.record(last, { [`${cell}/validPerplexity`]: validPerplexity, [`${cell}/parameters`]: parameters });
    rows.push([cells[cell], String(parameters), String(recurrent), milliseconds.toFixed(1), validPerplexity.toFixed(1)]);
    context.print(rows.at(-1)?.join("   ") ?? "", { event: "result", cell, parameters, recurrent, milliseconds, validPerplexity });
  }
  await context.plot("loss", {
    title: `Penn Treebank: ${o.layers} x ${o.hiddenSize} units, the same steps for each cell`,
    xLabel: "update",
    yLabel: "training loss (nats a word)",
    series: losses,
  });
  const headings = ["cell", "parameters", "of them recurrent", "ms a step (median)", `validation perplexity after ${total} steps`];
  context.print(`\n${fittedTable(headings, rows)}`);
}

/** The median of what each call takes, in milliseconds; the first, which may compile, is left out where there are more. */
async function medianTime<T>(inputs: readonly T[], call: (input: T) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (const input of inputs) {
    const start = performance.now();
    await call(input);
    times.push(performance.now() - start);
  }
  const sorted = (times.length > 1 ? times.slice(1) : times).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

function* firstOf<T>(values: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const value of values) {
    if (left-- === 0) return;
    yield value;
  }
}
