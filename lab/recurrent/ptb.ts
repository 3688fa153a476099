import { check, compile, data, mul, optim, type Tensor } from "kasane";
import { datasets, type train } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { followingWords, loadWords, readWords, saveWords, textMarks, wordQuestion } from "./followingWords.js";
import { LanguageModel, Readers } from "./languageModel.js";
import { type Chunk, chunkCount, chunks, wordsOf } from "./textStream.js";

const options = z.object({
  cell: option.cell().default("lstm"),
  layers: option.layers("recurrent layers").default(2),
  hiddenSize: option.hiddenSize("the states and of the word vectors").default(200),
  initialRange: z.number().positive().default(0.1).describe("weights start uniform in plus or minus this"),
  tied: z.boolean().default(false).describe("one matrix for the words read and the words predicted"),
  dropout: option.dropout("on all connections that are not recurrent").default(0),
  lockedDropout: z.boolean().default(false).describe("the same dropout masks at all steps of a chunk"),
  recurrentDropout: option.dropout("on the way to the next step, with the same mask at all steps of a chunk; lstm only").default(0),
  wordDropout: option.dropout("of whole words of the vocabulary where they are read").default(0),
  frequentWords: z.int().min(0).default(0).describe("with --sampled-words: so many frequent words are in every step's softmax"),
  sampledWords: z.int().min(0).default(0).describe("so many other words are drawn for a step's softmax; 0: all words are in it"),
  batchSize: option.sequences().default(20),
  steps: option.stepsBack().default(20),
  epochs: option.epochs("the text").default(13),
  optimizer: z.enum(["sgd", "adamw"]).default("sgd").describe("sgd with --decay, or adamw with half a cosine down to 0"),
  learningRate: option.learningRate("the optimizer at the start").default(1),
  constantEpochs: z.int().min(0).default(4).describe("sgd: epochs before the step size decays"),
  decay: z.number().positive().max(1).default(0.5).describe("sgd: factor of the step size in each epoch thereafter"),
  weightDecay: z.number().min(0).default(0).describe("adamw: share of the weights, times the step size, taken off in a step"),
  clipNorm: option.clipNorm().default(5),
});

type Options = z.output<typeof options>;

/** Zaremba et al. 2014, section 4.1: small and medium. Tied is our own: the best in the time that small takes. */
const presets: Record<string, Partial<Options>> = {
  small: {},
  medium: { hiddenSize: 650, initialRange: 0.05, dropout: 0.5, steps: 35, epochs: 39, constantEpochs: 6, decay: 1 / 1.2 },
  tied: {
    hiddenSize: 256,
    tied: true,
    dropout: 0.25,
    lockedDropout: true,
    recurrentDropout: 0.15,
    wordDropout: 0.1,
    frequentWords: 1000,
    sampledWords: 1000,
    epochs: 18,
    constantEpochs: 8,
    decay: 0.7,
  },
};

/** Zaremba et al. measure with 20 sequences side by side, and the test text as one. */
const validationBatch = 20;
const validationSteps = 25;
const testSteps = 250;

export const ptb = defineExperiment({
  name: "ptb",
  title: "Penn Treebank: an LSTM predicts each next word (Zaremba et al. 2014)",
  chapter: "recurrent",
  options: option.usedOnly(
    options,
    { names: ["weightDecay"], when: ({ optimizer }) => optimizer === "adamw", needs: "--optimizer adamw" },
    { names: ["frequentWords"], when: ({ sampledWords }) => sampledWords > 0, needs: "--sampled-words" },
    { names: ["lockedDropout"], when: ({ dropout }) => dropout > 0, needs: "--dropout" },
  ),
  presets,

  async run(context, o) {
    await trainOn(await readTexts(context), context, o);
  },

  predict: {
    ...wordQuestion,
    async run(context, o, text, flags) {
      const vocabulary = loadWords(context);
      const ids = readWords(context, vocabulary, text);
      const model = new LanguageModel(vocabulary.size, 1, o);
      await context.restore({ model }, "best");
      const best = flags.best as number;
      const following = await followingWords(model, ids, { vocabulary, best, device: context.device });
      const rows = following.map(({ word, probability }) => [word, probability.toPrecision(4)]);
      context.print(fittedTable(["next word", "probability"], rows), { event: "prediction", text, following });
    },
  },
});

/** A vocabulary, and texts as ids of its words. */
export interface Texts {
  readonly vocabulary: data.Vocabulary;
  readonly train: Int32Array;
  readonly valid: Int32Array;
  readonly test: Int32Array;
}

/** Trains a model, keeps the one that is best on the validation text, and measures that on the test text. */
export async function trainOn(texts: Texts, context: Context, o: Options): Promise<void> {
  const perEpoch = chunkCount(texts.train, o.batchSize, o.steps);
  check(perEpoch > 0, () => `ptb: the text has ${texts.train.length} words, too few for --batch-size ${o.batchSize} --steps ${o.steps}`);

  await saveWords(context, texts.vocabulary);
  const model = new LanguageModel(texts.vocabulary.size, o.batchSize, o);
  const readers = new Readers(model, o.batchSize);
  const optimizer = optimizerOf(model, o, perEpoch);
  const device = context.device;
  const step = compile(
    ({ ids, targets }: Chunk) => {
      const loss = model.loss(ids, targets, readers);
      // The paper's loss is a sum over the steps, a mean over the sequences.
      optimizer.minimize(mul(loss, o.steps));
      return { loss };
    },
    { training: true, device },
  );
  const validate = evaluation(model, validationBatch, device);

  const size = model.parameterCount();
  context.print(
    `${texts.train.length} words to train on, vocabulary ${texts.vocabulary.size}, ${size} parameters, ` +
      `${perEpoch} steps of ${o.batchSize * o.steps} words an epoch`,
  );
  const started = performance.now();
  const result = await context.fit({
    epochs: o.epochs,
    steps: o.epochs * perEpoch,
    state: { model, optimizer, readers },
    best: { metric: "validPerplexity" },
    work: { unit: "words", perStep: o.batchSize * o.steps },
    show: ({ loss }) => ({ perplexity: Math.exp(loss as number) }),
    *batches() {
      let first = true;
      for (const chunk of chunks(texts.train, o.batchSize, o.steps)) {
        yield { chunk, first };
        first = false;
      }
    },
    async step({ chunk, first }) {
      if (first) await readers.reset();
      return step(chunk);
    },
    async validate() {
      const trainPerplexity = Math.exp(lossOfEpoch(context.folder.metrics.read()));
      return { trainPerplexity, validPerplexity: await validate(texts.valid, validationSteps) };
    },
  });
  const minutes = (performance.now() - started) / 60_000;

  const epochs = result.history.filter(({ validPerplexity }) => validPerplexity !== undefined);
  const line = (name: "trainPerplexity" | "validPerplexity") => ({
    name: name === "trainPerplexity" ? "training text" : "validation text",
    x: epochs.map((_, i) => i + 1),
    y: epochs.map((metrics) => metrics[name] as number),
  });
  await context.plot("perplexity", {
    title: "Penn Treebank: perplexity of each epoch",
    xLabel: "epoch",
    yLabel: "perplexity",
    logarithmic: true,
    series: [line("trainPerplexity"), line("validPerplexity")],
  });

  await context.restore({ model }, "best");
  const testPerplexity = await evaluation(model, 1, device)(texts.test, testSteps);
  context.record(result.step, { testPerplexity });
  context.print(
    `best validation perplexity ${result.best?.toFixed(2)}, test perplexity ${testPerplexity.toFixed(2)}; trained for ${minutes.toFixed(1)} minutes`,
  );
}

/** The three texts as word ids, by descending frequency in the training text. */
export async function readTexts(context: Context): Promise<Texts> {
  const files = await context.dataset(datasets.pennTreebank);
  const [train, valid, test] = ["train", "valid", "test"].map((part) => wordsOf(files.get(`ptb.${part}.txt`) as Uint8Array));
  const vocabulary = data.Vocabulary.of(train as string[], { specials: textMarks });
  const ids = (words: string[] | undefined) => vocabulary.encode(words as string[]);
  return { vocabulary, train: ids(train), valid: ids(valid), test: ids(test) };
}

function optimizerOf(model: LanguageModel, o: Options, perEpoch: number): optim.Optimizer<string> {
  const clipGlobalNorm = o.clipNorm;
  if (o.optimizer === "adamw") {
    const learningRate = optim.cosine(o.learningRate, o.epochs * perEpoch);
    return new optim.AdamW(model, { learningRate, clipGlobalNorm, weightDecay: o.weightDecay });
  }
  const decayed = (step: Tensor) =>
    mul(
      o.learningRate,
      step
        .div(perEpoch)
        .floor()
        .add(1 - o.constantEpochs)
        .maximum(0)
        .mul(Math.log(o.decay))
        .exp(),
    );
  return new optim.Sgd(model, { learningRate: decayed, clipGlobalNorm });
}

/** A function that measures the perplexity of a whole text read as `batchSize` sequences, with the state carried from the first word to the last. */
export function evaluation(model: LanguageModel, batchSize: number, device: Context["device"]) {
  const readers = new Readers(model, batchSize);
  const measure = compile(({ ids, targets }: Chunk) => model.loss(ids, targets, readers), { device });
  return async (text: Int32Array, steps: number): Promise<number> => {
    await readers.reset();
    let sum = 0;
    let words = 0;
    for (const chunk of chunks(text, batchSize, steps, true)) {
      sum += (await (await measure(chunk)).item()) * chunk.targets.size;
      words += chunk.targets.size;
    }
    return Math.exp(sum / words);
  };
}

/** The mean of the losses recorded since the last validation. */
function lossOfEpoch(records: readonly train.Metrics[]): number {
  const after = records.findLastIndex(({ validPerplexity }) => validPerplexity !== undefined);
  let step = records[after]?.step ?? 0;
  const start = step;
  let sum = 0;
  for (const record of records.slice(after + 1)) {
    sum += (record.loss as number) * (record.step - step);
    step = record.step;
  }
  return sum / (step - start);
}
