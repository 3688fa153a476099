import { check, compile, crossEntropy, data, metrics, nn, ones, optim, softmax, type Tensor, tensor, Variable } from "kasane";
import { datasets, exportOnnx, files } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";

/** What stands for words that are rare in the corpus. */
const unknown = "<????>";
const dictionaryFile = "dictionary.json";

const schema = z.object({
  corpus: option.corpus().default("corpus/**/*.txt"),
  rareCount: z.int().min(0).default(3).describe(`words seen so often or less are read as ${unknown}`),
  windowLength: option.fixed(
    z.int().min(1).max(100).default(5).meta({ description: "how many words the next one is predicted from", unit: "words" }),
  ),
  cell: option.cell().default("rnn"),
  hiddenSize: option.hiddenSize("the projection and of the hidden state").default(30),
  learningRate: option.learningRate("Adam").default(0.005),
  batchSize: option.batchSize("windows").default(128),
  epochs: option.epochs("the corpus").default(1000),
});
type Options = z.output<typeof schema>;

/** Word ids: windows `[windowLength, batch]`, and the words after them, `[batch]`. */
interface Batch {
  readonly windows: Tensor;
  readonly targets: Tensor;
}

const cells = {
  rnn: (size: number) => new nn.Rnn(size, size),
  lstm: (size: number) => new nn.Lstm(size, size, { forgetBias: 1 }),
  gru: (size: number) => new nn.Gru(size, size),
};

// Model: the projection of a window's words, a recurrent cell, a score for every word of the dictionary.
class LanguageModel extends nn.Module {
  readonly projection: nn.Embedding;
  readonly projectionBias: Variable;
  readonly recurrent: nn.Rnn | nn.Lstm | nn.Gru;
  readonly output: nn.Linear;

  constructor(vocabularySize: number, { hiddenSize, cell }: Options) {
    super();
    const weights = { weightInitialiser: nn.init.truncatedNormal(0, 0.01) };
    this.projection = new nn.Embedding(vocabularySize, hiddenSize, weights);
    this.projectionBias = new Variable(ones([hiddenSize]));
    this.recurrent = cells[cell](hiddenSize);
    this.output = new nn.Linear(hiddenSize, vocabularySize, weights);
  }

  /** Windows to logits `[batch, vocabulary]`. */
  forward(windows: Tensor): Tensor {
    const { hidden } = this.recurrent.forward(this.projection.forward(windows).add(this.projectionBias)).state;
    return this.output.forward(hidden.reshape([-1, this.recurrent.hiddenSize]));
  }
}

/** The report's language model: each word of a corpus from the five before it. */
export const nextWord = defineExperiment({
  name: "next-word",
  title: "Next word: a recurrent language model learns a folder of texts",
  chapter: "recurrent",
  options: schema,
  presets: { quick: { epochs: 10 } },

  async run(context, options) {
    const { corpus, rareCount, windowLength, batchSize, epochs, learningRate } = options;
    const { device, folder, seed } = context;

    // Data: the ids of all words one after the other. Windows are cut out of them batch by batch, the first four fifths to train on.
    const { vocabulary, ids } = await data.encodeWords(datasets.readTexts(datasets.findTextFiles(corpus)), data.englishWords, {
      minimumCount: rareCount + 1,
      specials: [unknown],
      unknown,
    });
    check(ids.length > 0, () => `--corpus: ${corpus} has no words of the letters a to z`);
    check(vocabulary.size > 1, () => `--corpus: none of its ${ids.length} words is seen more than ${rareCount} times: lower --rare-count`);
    const windowCount = Math.max(0, ids.length - windowLength);
    const trainCount = Math.floor((4 * windowCount) / 5);
    const perEpoch = Math.floor(trainCount / batchSize);
    check(perEpoch > 0, () => `--corpus: ${ids.length} words are too few for a batch of ${batchSize} windows: lower --batch-size`);
    await files.saveVocabulary(folder.file(dictionaryFile), vocabulary);
    const batchOf = (starts: Int32Array): Batch => {
      const [length, count] = [windowLength, starts.length];
      const windows = Int32Array.from(
        { length: length * count },
        (_, i) => ids[(starts[i % count] as number) + Math.floor(i / count)] as number,
      );
      const targets = Int32Array.from(starts, (start) => ids[start + length] as number);
      return { windows: tensor(windows, { shape: [length, count] }), targets: tensor(targets) };
    };

    const model = new LanguageModel(vocabulary.size, options);
    const optimizer = new optim.Adam(model, { learningRate });
    const size = model.parameterCount();
    context.print(`${ids.length} words, ${vocabulary.size} in the dictionary, ${size} parameters, ${perEpoch} steps an epoch`);

    // Step: the mean cross entropy of a batch of windows.
    const evaluate = ({ windows, targets }: Batch) => {
      const logits = model.forward(windows);
      return { crossEntropy: crossEntropy(logits, targets), accuracy: metrics.accuracy(logits, targets) };
    };
    const step = compile(
      (batch: Batch) => {
        const figures = evaluate(batch);
        optimizer.minimize(figures.crossEntropy);
        return figures;
      },
      { training: true, device },
    );

    // Loop: the windows in another order each epoch.
    const { history, step: last } = await context.fit({
      state: { model, optimizer },
      epochs,
      batches: (epoch) => data.batches(trainCount, { batchSize, seed, epoch, dropLast: true }),
      step: (starts) => step(batchOf(starts)),
      recordEvery: perEpoch,
      on: {
        record: ({ step, crossEntropy = 0, accuracy = 0 }) => {
          const loss = (crossEntropy * perEpoch).toFixed(4);
          context.print(`epoch ${step / perEpoch} of ${epochs}   loss: ${loss}   accuracy: ${accuracy.toFixed(4)}`);
        },
      },
    });

    // Report
    const curve = history.filter((metrics) => metrics.crossEntropy !== undefined);
    const points = { x: curve.map(({ step }) => step / perEpoch), y: curve.map(({ crossEntropy }) => crossEntropy as number) };
    const series = [{ name: "training text", ...points }];
    await context.plot("cross-entropy", {
      title: "Predicting the next word",
      xLabel: "epoch",
      yLabel: "cross entropy (nats a word)",
      series,
    });
    const measure = compile(evaluate, { device });
    const means = new metrics.RunningMeans();
    for (const places of data.batches(windowCount - trainCount, { batchSize })) {
      const figures = await measure(batchOf(places.map((place) => trainCount + place)));
      means.add({ testCrossEntropy: await figures.crossEntropy.item(), testAccuracy: await figures.accuracy.item() }, places.length);
    }
    const figures = means.take();
    context.record(last, figures);
    context.print(
      `\naccuracy on test: ${figures.testAccuracy?.toFixed(4)}, cross entropy: ${figures.testCrossEntropy?.toFixed(4)} nats a word`,
    );
    await exportOnnx(model, { windows: { shape: [windowLength, "batch"], dtype: "int32" } }, folder.file("model.onnx"));
  },

  predict: {
    text: 'words, such as "some of them looks like"',
    options: z.object({ all: z.boolean().default(false).describe("print the probabilities of all words, not of the first 20 alone") }),

    async run(context, options, text, { all }) {
      const { windowLength } = options;
      const vocabulary = files.loadVocabulary(context.folder.file(dictionaryFile), unknown);
      const words = data.englishWords(text);
      check(words.length >= windowLength, () => `predict: "${text}" has ${words.length} words, expected ${windowLength} or more`);
      const window = words.slice(-windowLength);
      const strange = window.filter((word) => !vocabulary.has(word));
      if (strange.length > 0) context.print(`not in the dictionary, read as ${unknown}: ${strange.join(", ")}`);

      const model = new LanguageModel(vocabulary.size, options);
      await context.restore({ model });
      const predict = compile((ids: Tensor) => softmax(model.forward(ids)), { device: context.device });
      const values = await (await predict(tensor(vocabulary.encode(window), { shape: [windowLength, 1] }))).data();
      const ranked = vocabulary.tokens.map((word, id) => ({ word, probability: Number(values[id]) }));
      ranked.sort((a, b) => b.probability - a.probability);
      const shown = all ? ranked : ranked.slice(0, 20);
      for (const { word, probability } of shown) context.print(`${word} : ${probability.toPrecision(6)}`);
      const continued = `${text.trim()} ${ranked[0]?.word}`;
      context.print(`\nPrediction: ${continued}`, { event: "prediction", text: continued, unknown: strange, probabilities: shown });
    },
  },
});
