import { check, compile, data, mapTree, models, optim, type Tensor } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { type CountedWords, corpus, countWords, keepingOf, openTexts } from "./corpus.js";
import { type BatchMaker, sampledBatches, treeBatches, withParts } from "./wordBatches.js";
import { readWordTests, testWords } from "./wordTests.js";
import { drawMap, expressionOf, rowsOfWords, saveVectors, sumOf, WordVectors } from "./wordVectors.js";

const vocabularyFile = "words.json";

/** What some options are that only one loss, or only words of parts, have a use for. */
const usual = { negatives: 5, buckets: 200_000 } as const;

const schema = z.object({
  corpus: corpus().default("un-debates"),
  method: z.enum(["skip-gram", "cbow"]).default("skip-gram").describe("a word tells those around it, or the mean of these tells the word"),
  loss: z.enum(["negative-sampling", "hierarchical-softmax"]).default("negative-sampling").describe("what a word is told from"),
  size: z.int().min(1).max(4096).default(100).describe("numbers in a word's vector"),
  window: z
    .int()
    .min(1)
    .max(255)
    .default(5)
    .meta({ description: "most words to each side; how many is drawn for each word", unit: "words" }),
  minimumCount: z.int().min(1).default(5).describe("rarer words are passed over"),
  negatives: z
    .int()
    .min(1)
    .optional()
    .describe(`words drawn at random that each pair is told from, by their count to the power of 0.75 (default: ${usual.negatives})`),
  subsampling: z
    .number()
    .min(0)
    .max(1)
    .default(1e-3)
    .describe("words of a larger share of the text are left out of some places; 0: none are"),
  subwords: z.boolean().default(false).describe("words are the means of vectors of themselves and of their parts of 3 to 6 characters"),
  buckets: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe(`with --subwords: vectors that the parts are hashed to (default: ${usual.buckets})`),
  learningRate: option.learningRate("gradient descent at the start; it falls to 0.0001 along a line").default(0.025),
  epochs: option.epochs("the text").default(5),
  batchSize: option.batchSize("words").default(512),
  group: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .describe(
      "neighbouring words that are computed together and share the words drawn, a divisor of --batch-size (default: 16; with hierarchical-softmax 8)",
    ),
  drawn: z.int().min(1).max(4096).optional().describe("words drawn for such a group (default: 64; of cbow 32)"),
  mapWords: z
    .string()
    .default(
      "france,paris,germany,berlin,italy,rome,japan,tokyo,china,beijing,egypt,cairo,greece,athens,cuba,havana,portugal,lisbon,spain,madrid",
    )
    .describe("words that map.svg shows, with commas between them"),
  tests: z.boolean().default(true).describe("judging the vectors by analogies, WordSim-353 and SimLex-999"),
});
type Options = z.output<typeof schema>;

/** The rate at the end. */
const finalRate = 1e-4;

/** Vectors of words from a large text, judged by analogies and similarities. */
export const word2vec = defineExperiment({
  name: "word2vec",
  title: "word2vec: vectors of words from a text of any length, judged by analogies and similarities",
  chapter: "representation",
  options: schema,

  async run(context, options) {
    const { minimumCount, epochs, learningRate, batchSize, window } = options;
    const group = groupOf(options);
    check(batchSize % group === 0, () => `--batch-size ${batchSize}: expected a multiple of --group ${group}`);
    checkUsed(options);
    const tests = options.tests ? await readWordTests(context) : undefined;
    const texts = await openTexts(context, options.corpus);
    const words = await countWords(texts, minimumCount);
    const { vocabulary, counts } = words;
    await files.saveVocabulary(context.folder.file(vocabularyFile), vocabulary);

    // Frequent words are left out of many places: the steps that are left follow from the counts, but for chance.
    const keep = keepingOf(counts, options.subsampling);
    const kept = counts.reduce((sum, count, id) => sum + count * (keep[id] as number), 0);
    const perEpoch = Math.ceil(kept / batchSize);
    const model = modelOf(options, vocabulary);
    const optimizer = new optim.Sgd(model, { learningRate: optim.linear(learningRate, epochs * perEpoch, finalRate) });
    const total = counts.reduce((sum, count) => sum + count, 0);
    context.print(
      `${total} words, ${vocabulary.size} different ones, ${model.parameterCount()} parameters, about ${perEpoch} steps an epoch`,
    );

    const step = compile(
      (batch: models.Word2vecBatch) => {
        const logits = model.forward(batch);
        optimizer.minimize(models.pairLoss(logits, batch));
        // The loss of all pairs would cost a third of the step, its gradient does not need it: some pairs tell it.
        const some = mapTree({ logits, targets: batch.targets, weights: batch.weights }, firstGroups);
        const loss = models.pairLoss(some.logits, some).div(some.weights.sum().maximum(1));
        return { loss };
      },
      { training: true, device: context.device },
    );
    const makerOf = makersOf(options, words);
    const ids = new Map(vocabulary.tokens.map((word, id) => [word, id]));
    const wordsOfStep = (batchSize * total) / kept;
    const started = performance.now();
    let made = 0;
    const { step: last } = await context.fit<models.Word2vecBatch>({
      state: { model, optimizer },
      epochs,
      async *batches(epoch) {
        const make = makerOf(context.seed, epoch);
        const stretches = data.wordStretches(texts(), { ids, keep, length: batchSize, window, seed: context.seed, epoch });
        for await (const stretch of stretches) yield make(stretch);
      },
      step(batch) {
        made++;
        return step(batch);
      },
      work: { unit: "words", perStep: wordsOfStep },
      recordEvery: Math.min(perEpoch, 1000),
      on: { epochEnd: ({ epoch }) => context.print(`epoch ${epoch + 1} of ${epochs}`) },
    });
    const speed = (made * wordsOfStep) / (performance.now() - started);
    context.print(`${speed.toFixed(0)} thousand words a second`);

    // Report
    const vectors = await WordVectors.of(model, vocabulary, bucketsOf(options));
    await saveVectors(context, vectors);
    await drawMap(context, vectors, options.mapWords.split(","));
    if (!tests) return;
    const figures = await testWords(tests, vectors);
    context.record(last, { ...figures });
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
    const rows = [
      ["analogies", percent(figures.analogies)],
      ["of meaning", percent(figures.semantic)],
      ["of grammar", percent(figures.syntactic)],
      ["questions covered", `${figures.covered} of ${figures.asked}`],
      ["WordSim-353, rank correlation", figures.wordSim353.toFixed(3)],
      ["SimLex-999, rank correlation", figures.simLex999.toFixed(3)],
    ];
    context.print(`\n${fittedTable(["test", "figure"], rows)}`);
  },

  predict: {
    text: 'a word, or words with + and - between them, such as "king - man + woman"',
    options: z.object({
      neighbours: z.boolean().default(false).describe("take the text as one word and show what is nearest to it"),
      best: z.int().min(1).max(1000).default(10).describe("how many words are shown"),
    }),

    async run(context, options, text, flags) {
      const vocabulary = files.loadVocabulary(context.folder.file(vocabularyFile));
      const model = modelOf(options, vocabulary);
      await context.restore({ model });
      const vectors = await WordVectors.of(model, vocabulary, bucketsOf(options));
      const terms = flags.neighbours ? [{ word: text.trim(), sign: 1 as const }] : expressionOf(text);
      const sum = sumOf(vectors, terms);
      check(
        sum.some((value) => Math.abs(value) > 1e-6),
        () => `predict: "${text}" leaves nothing, so no word is nearest: expected words that do not cancel each other`,
      );
      const found = vectors.nearest(
        sum,
        flags.best as number,
        terms.map(({ word }) => word),
      );
      const rows = found.map(({ word, cosine }) => [word, cosine.toFixed(4)]);
      context.print(fittedTable(["word", "cosine"], rows), { event: "prediction", text, nearest: found });
    },
  },
});

/** Some of the groups of a batch: its first 32nd. */
const firstGroups = (x: Tensor): Tensor => x.slice([[0, Math.ceil((x.shape[0] as number) / 32)]]);

// How many words are drawn for a group, and how many a group has, where nobody says it.
const drawnOf = ({ drawn, method }: Options): number => drawn ?? (method === "cbow" ? 32 : 64);
const bucketsOf = ({ subwords, buckets = usual.buckets }: Options): number => (subwords ? buckets : 0);
const groupOf = ({ group, loss }: Options): number => group ?? (loss === "hierarchical-softmax" ? 8 : 16);

/** Throws where an option is given that the others leave no use for. */
function checkUsed({ loss, subwords, ...options }: Options): void {
  for (const name of ["negatives", "drawn"] as const) {
    const isUsed = loss === "negative-sampling" || options[name] === undefined;
    check(isUsed, () => `--${name} ${options[name]}: --loss ${loss} draws no words: leave it out`);
  }
  check(
    subwords || options.buckets === undefined,
    () => `--buckets ${options.buckets}: words have parts with --subwords alone: leave it out`,
  );
}

function modelOf(options: Options, { size: words }: data.Vocabulary): models.Word2vec {
  const { size, loss } = options;
  return new models.Word2vec({ inputs: words + bucketsOf(options), outputs: loss === "negative-sampling" ? words : words - 1, size });
}

/** How the batches of an epoch are made. */
function makersOf(options: Options, { vocabulary, counts }: CountedWords): (seed: number, epoch: number) => BatchMaker {
  const { method, loss, window, negatives = usual.negatives, subwords } = options;
  const [group, drawn] = [groupOf(options), drawnOf(options)];
  const rows = subwords ? rowsOfWords(vocabulary, bucketsOf(options)) : undefined;
  const wrapped = (make: BatchMaker) => (rows ? withParts(make, rows) : make);
  if (loss === "hierarchical-softmax") {
    const tree = data.huffmanTree(counts);
    return () => wrapped(treeBatches({ method, window, group, tree }));
  }
  const table = new data.AliasTable(counts.map((count) => count ** 0.75));
  return (seed, epoch) => wrapped(sampledBatches({ method, window, group, drawn, negatives, table, seed, epoch }));
}
