import { add, check, compile, data, optim, type Tensor } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { CharacterNgrams, sentenceText, surpriseScores } from "./characterNgrams.js";
import { type Detections, detectionsOf, marks } from "./detection.js";
import {
  detectionLoss,
  type EncodedSentences,
  encodeSentences,
  endMark,
  exportDetector,
  judge,
  TypoDetector,
  targetsOf,
  unknownWord,
} from "./typoDetector.js";
import { longestSentence, readSentences, type Sentences } from "./typoTexts.js";

const share = z.number().min(0).max(0.5);

const schema = z.object({
  corpus: option.corpus(" (default: WikiText-2)").optional(),
  sentences: option.fixed(z.int().min(20).default(60_000).describe("so many sentences are trained on, at most")),
  misspelling: option.fixed(share.default(0.1).describe("share of the words that are misspelt")),
  omission: option.fixed(share.default(0.05).describe("share of the words that are left out")),
  wordSize: z.int().min(1).max(4096).default(64).describe("size of the vector of a word, and of that of its spelling"),
  characterSize: z.int().min(1).max(4096).default(24).describe("size of the vector of a character"),
  hiddenSize: option.hiddenSize("the hidden state of each direction").default(128),
  dropout: option.dropout("before and after a sentence is read").default(0.2),
  batchSize: option.batchSize("sentences").default(32),
  learningRate: option.cosineLearningRate().default(0.005),
  epochs: option.epochs("the text, each time with other mistakes").default(3),
});

/** The first number that mistakes of held-out texts are drawn by, the same in all epochs. Those of training texts are below it. */
const heldOut = 2 ** 40;
const vocabularyFile = "vocabulary.json";
const time = longestSentence + 1;

/** Marks misspelt words and places where words are missing; compares reading in both directions with reading forward only, and with n-grams. */
export const typoDetection = defineExperiment({
  name: "typo-detection",
  title: "Typo detection: a bidirectional network marks misspelt and missing words",
  chapter: "recurrent",
  options: schema,

  async run(context, options) {
    const { misspelling, omission, batchSize, learningRate, epochs } = options;
    const { device, folder, seed } = context;

    // Data: sentences as tokens. Mistakes are put into them as they are needed.
    const texts = await readSentences(context, options);
    const vocabulary = data.Vocabulary.of(texts.train.flat(), { minimumCount: 2, specials: [unknownWord, endMark] });
    await files.saveVocabulary(folder.file(vocabularyFile), vocabulary);
    const perEpoch = Math.floor(texts.train.length / batchSize);
    check(perEpoch > 0, () => `typo-detection: ${texts.train.length} sentences are no batch of ${batchSize}: lower --batch-size`);
    const corrupt = (sentences: Sentences, places: Iterable<number>, first: number) =>
      Array.from(places, (place) =>
        data.corruptSentence(sentences[place] as readonly string[], { misspelling, omission }, [seed, first + place]),
      );
    const valid = corrupt(texts.valid, texts.valid.keys(), heldOut);
    const test = corrupt(texts.test, texts.test.keys(), heldOut);

    // Model: one reads in both directions, one forward only. They learn side by side, from the same batches.
    const models = { both: new TypoDetector(vocabulary.size, true, options), forward: new TypoDetector(vocabulary.size, false, options) };
    const optimizer = new optim.Adam([...models.both.parameters(), ...models.forward.parameters()], {
      learningRate: optim.cosine(learningRate, epochs * perEpoch),
    });

    // Step
    const step = compile(
      ({ inputs, targets }: { inputs: EncodedSentences; targets: Tensor }) => {
        const loss = detectionLoss(models.both.forward(inputs), targets, inputs.lengths);
        const forwardLoss = detectionLoss(models.forward.forward(inputs), targets, inputs.lengths);
        optimizer.minimize(add(loss, forwardLoss));
        return { loss, forwardLoss };
      },
      { training: true, device },
    );

    // Loop
    const judges = { both: judge(models.both, vocabulary, device, time), forward: judge(models.forward, vocabulary, device, time) };
    const { step: last } = await context.fit({
      state: { ...models, optimizer },
      epochs,
      batches: (epoch) => data.batches(texts.train.length, { batchSize, seed, epoch, dropLast: true }),
      step: async (places, _, done) => {
        const sentences = corrupt(texts.train, places, Math.floor(done / perEpoch) * texts.train.length);
        return step({ inputs: encodeSentences(tokensOf(sentences), vocabulary, time), targets: targetsOf(sentences, time) });
      },
      validate: async () => {
        const found = await detectionsOf(valid, judges.both);
        const [misspelt, missing] = [found.misspelt.best(), found.missing.best()];
        const thresholds = { misspeltThreshold: misspelt.threshold, missingThreshold: missing.threshold };
        return { misspeltF1: misspelt.f1, missingF1: missing.f1, ...thresholds };
      },
    });

    // Report: thresholds are chosen on the validation text, and tried on the test text.
    const ngrams = new CharacterNgrams();
    for (const tokens of texts.train) ngrams.add(sentenceText(tokens));
    const detectors = {
      "both directions": judges.both,
      "forward only": judges.forward,
      "character n-grams": (sentences: Sentences) => sentences.map((tokens) => surpriseScores(ngrams, tokens)),
    };
    const compared: { name: string; chosen: Detections; tested: Detections }[] = [];
    for (const [name, detector] of Object.entries(detectors)) {
      compared.push({ name, chosen: await detectionsOf(valid, detector), tested: await detectionsOf(test, detector) });
    }
    for (const mark of marks) {
      const figures = compared.map(({ name, chosen, tested }) => ({ name, ...tested[mark].at(chosen[mark].best().threshold) }));
      context.record(last, Object.fromEntries(figures.map(({ name, f1 }) => [`${mark}, ${name}: F1`, f1])));
      await context.plot(mark, {
        title: `Finding ${mark} words in the test text`,
        xLabel: "recall (share of the mistakes found)",
        yLabel: "precision (share of the marks that are right)",
        series: compared.map(({ name, tested }) => tested[mark].series(name)),
      });
      const rows = figures.map(({ name, precision, recall, f1 }) => [name, ...[precision, recall, f1].map((figure) => figure.toFixed(3))]);
      context.print(`\n${fittedTable([`${mark} words`, "precision", "recall", "F1"], rows)}`, { event: "test", mark, figures });
    }
    await exportDetector(models.both, folder.file("model.onnx"));
  },

  predict: {
    text: 'a sentence, such as "Ths sentence hsa a tpyo"',

    async run(context, options, text) {
      const figures = context.folder.metrics.read().findLast(({ misspeltThreshold }) => misspeltThreshold !== undefined);
      check(figures !== undefined, () => `predict: ${context.folder.shown} has not come to the end of an epoch: resume it`);
      const thresholds = { misspelt: figures.misspeltThreshold as number, missing: figures.missingThreshold as number };
      const vocabulary = files.loadVocabulary(context.folder.file(vocabularyFile), unknownWord);
      const model = new TypoDetector(vocabulary.size, true, options);
      await context.restore({ both: model });

      const line = text.replaceAll(/\s/g, " ");
      const sentences = [...data.sentencesOf(line)];
      check(
        sentences.flat().some((token) => data.isWord(token.text)),
        () => `predict: "${text}" has no word`,
      );
      const scores = await judge(model, vocabulary, context.device)(sentences.map((tokens) => tokens.map((token) => token.text)));
      const below = new Array<string>(line.length + 1).fill(" ");
      const misspelt: string[] = [];
      const missing: number[] = [];
      sentences.forEach((tokens, row) => {
        const isMarked = (mark: (typeof marks)[number], place: number) => (scores[row]?.[mark][place] as number) >= thresholds[mark];
        for (const [t, { start, end }] of tokens.entries()) {
          if (!isMarked("misspelt", t)) continue;
          misspelt.push(line.slice(start, end));
          below.fill("~", start, end);
        }
        const gaps = [...tokens.map(({ start }) => Math.max(0, start - 1)), tokens.at(-1)?.end as number];
        missing.push(...gaps.filter((_, t) => isMarked("missing", t)));
      });
      for (const gap of missing) below[gap] = "^";
      const legend = [misspelt.length > 0 ? `~ misspelt: ${misspelt.join(", ")}` : "", missing.length > 0 ? "^ a word is missing" : ""];
      const found = legend.filter((part) => part !== "").join("   ") || "nothing found";
      const lines = [line, below.join("").trimEnd(), found].filter((part) => part !== "");
      context.print(lines.join("\n"), { event: "prediction", text: line, misspelt, missing });
    },
  },
});

const tokensOf = (sentences: readonly data.CorruptedSentence[]): Sentences => sentences.map(({ tokens }) => tokens);
