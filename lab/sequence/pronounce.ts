import { existsSync, readFileSync } from "node:fs";
import { check, data, models, optim, train } from "kasane";
import { z } from "zod";
import { table } from "../command/table.js";
import type { PredictContext } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { seriesOf } from "../plot/chart.js";
import { architectures, begin, bucketed, end, makeModel, matrix, searcher, trainingStep } from "./architectures.js";
import { alignLetters, drawAligned, letterInfluence } from "./letterAlignment.js";

/** The two dictionaries, and how each is read. */
const dictionaries = {
  cmudict: { dataset: data.cmudict, read: data.readCmudict },
  sigmorphon: { dataset: data.sigmorphonEnglish, read: data.readSigmorphon },
} as const;

/** What each architecture is trained with unless told otherwise. */
const recipes = {
  lstm: { size: 320, layers: 1, learningRate: 0.0015 },
  attention: { size: 256, layers: 1, learningRate: 0.0015 },
  transformer: { size: 192, layers: 3, learningRate: 0.001 },
} as const;
const defaultsOf = (name: "size" | "layers" | "learningRate") =>
  `(default: ${Object.entries(recipes)
    .map(([architecture, recipe]) => `${architecture} ${recipe[name]}`)
    .join(", ")})`;

const schema = z.object({
  dataset: z.enum(["cmudict", "sigmorphon"]).default("cmudict").describe("whose words are learnt"),
  dictionary: z.string().min(1).optional().describe("a file of words of one's own in CMUdict's form, in place of the dataset"),
  architecture: z.enum(["lstm", "attention", "transformer"]).default("transformer").describe("what reads and writes"),
  size: z
    .int()
    .min(4)
    .max(1024)
    .multipleOf(4)
    .optional()
    .meta({ description: `of the state and of a letter's vector ${defaultsOf("size")}`, unit: "units" }),
  layers: z
    .int()
    .min(1)
    .max(12)
    .optional()
    .describe(`of the encoder, and of the decoder ${defaultsOf("layers")}`),
  dropout: z.number().min(0).max(0.95).default(0.1).describe("the probability of dropout"),
  labelSmoothing: z.number().min(0).max(0.5).default(0.1).describe("share of a phoneme's probability that is spread over all"),
  epochs: z.int().min(1).default(16).describe("times through the words"),
  batchSize: z.int().min(1).default(64).describe("pronunciations that an update is made from"),
  learningRate: z
    .number()
    .positive()
    .optional()
    .describe(`greatest step size of Adam ${defaultsOf("learningRate")}`),
  beams: z.int().min(1).max(64).default(4).describe("beams of the search, beside which the test words are written greedily"),
});
type Options = z.output<typeof schema>;

/** Longer words than this are none, and are not asked for. */
const longestWord = 40;
/** How many phonemes are written at most for a word of `letters`: those of an abbreviation are spoken one by one. */
const capacityOf = (letters: number): number => 2 * letters + 8;
/** How many words are written at once. */
const writtenAtOnce = 256;

const lettersFile = "letters.json";
const phonemesFile = "phonemes.json";

async function readDictionary(context: PredictContext, { dataset, dictionary }: Options): Promise<data.PronouncedParts> {
  if (dictionary === undefined) return dictionaries[dataset].read(await context.dataset(dictionaries[dataset].dataset));
  check(existsSync(dictionary), () => `--dictionary: got "${dictionary}": there is no such file`);
  const parts = data.readCmudict(new Map([[dictionary, readFileSync(dictionary)]]), { file: dictionary });
  const counts = Object.entries(parts).map(([part, words]) => `${part} ${words.length}`);
  check(
    Object.values(parts).every((words) => words.length > 0),
    () => `--dictionary: ${dictionary} has too few words: ${counts.join(", ")}, expected some in each part`,
  );
  return parts;
}

function makePronouncer(options: Options, letters: data.Vocabulary, phonemes: data.Vocabulary): models.SequenceModel {
  const { architecture, dropout } = options;
  const { size = recipes[architecture].size, layers = recipes[architecture].layers } = options;
  return makeModel(architecture, {
    sourceVocabulary: letters.size,
    targetVocabulary: phonemes.size,
    size,
    layers,
    dropout,
    innerSize: 2 * size,
    bidirectional: true,
  });
}

/** Letters to phonemes, by each of the architectures, on dictionaries with published figures. */
export const pronounce = defineExperiment({
  name: "pronounce",
  title: "Pronunciation: letters to phonemes, learnt from a dictionary",
  chapter: "sequence",
  options: schema,

  async run(context, options) {
    const { architecture, labelSmoothing, epochs, batchSize, beams } = options;
    const { learningRate = recipes[architecture].learningRate } = options;
    const { device, seed, folder } = context;

    // Data: a word is learnt with each of its pronunciations, and tried with all of them.
    const parts = await readDictionary(context, options);
    const pairs = parts.train.flatMap(({ word, pronunciations }) => pronunciations.map((phonemes) => ({ word: [...word], phonemes })));
    const letters = data.Vocabulary.of(pairs.flatMap(({ word }) => word));
    const phonemes = data.Vocabulary.of(pairs.flatMap((pair) => pair.phonemes));
    await data.saveVocabulary(folder.file(lettersFile), letters);
    await data.saveVocabulary(folder.file(phonemesFile), phonemes);
    const sources = pairs.map(({ word }) => letters.encode(word));
    const targets = pairs.map((pair) => [begin, ...phonemes.encode(pair.phonemes), end]);
    const lengths = sources.map(({ length }, i) => [length, (targets[i] as number[]).length]);
    const buckets = data.lengthBuckets(lengths, 8);
    const batching = { batchSize, buckets, seed };
    const batchesOf = (epoch: number) => data.bucketedBatches(lengths, { ...batching, epoch });
    const perEpoch = batchesOf(0).length;

    // Model
    const model = makePronouncer(options, letters, phonemes);
    const [steps, rising] = [epochs * perEpoch, Math.ceil(0.05 * epochs * perEpoch)];
    const optimizer = new optim.Adam(model, {
      learningRate: optim.warmUp(rising, optim.cosine(learningRate, steps - rising)),
      clipGlobalNorm: 1,
    });
    const parameters = model.parameters().reduce((sum, parameter) => sum + parameter.size, 0);
    const words = Object.entries(parts).map(([part, { length }]) => `${part} ${length}`);
    context.print(
      `${architectures[architecture]}, ${parameters} parameters; words: ${words.join(", ")}; ` +
        `${pairs.length} pronunciations learnt, ${perEpoch} steps an epoch, of ${data.batchShapes(lengths, batching).length} shapes`,
    );

    // Step
    const step = trainingStep(model, optimizer, device, { labelSmoothing });
    const everyWord = [...parts.train, ...parts.dev, ...parts.test].map(({ word }) => [[...word].length]);
    const widths = data.lengthBuckets(everyWord, 4).map(([width]) => width as number);
    const pronouncer = (count: number) => {
      const write = bucketed(widths, writtenAtOnce, (width) => searcher(model, width, capacityOf(width), device, { beams: count }));
      return async (part: readonly data.Pronounced[]) => {
        const found = await write(part.map(({ word }) => letters.encode([...word])));
        return found.map(([first]) => phonemes.decode(first?.tokens ?? []));
      };
    };
    // Any listed pronunciation is right; phonemes are counted against the nearest.
    const errorsOf = (written: readonly string[][], part: readonly data.Pronounced[]) => {
      const references = part.map(({ pronunciations }) => pronunciations);
      return { word: train.sequenceErrorRate(written, references), phoneme: train.tokenErrorRate(written, references) };
    };
    const greedily = pronouncer(1);

    // Loop
    const { history, step: last } = await context.fit({
      state: { model, optimizer },
      epochs,
      batches: batchesOf,
      step: ({ places, padded }) => {
        const [width, length] = padded as [number, number];
        const of = <Sequence>(all: readonly Sequence[]) => Array.from(places, (place) => all[place] as Sequence);
        return step({ source: matrix(of(sources), width), target: matrix(of(targets), length) });
      },
      validate: async () => {
        const { word, phoneme } = errorsOf(await greedily(parts.dev), parts.dev);
        return { wordErrorRate: word, phonemeErrorRate: phoneme };
      },
      best: { metric: "wordErrorRate", mode: "min" },
    });

    // Report: the best state on words that it was not chosen by.
    await context.plot("errors", {
      title: `Words mispronounced: ${architectures[architecture]}`,
      xLabel: "update",
      yLabel: "share of the dev words",
      series: [seriesOf(history, "wordErrorRate", "dev words, greedily")],
    });
    await context.restore({ model }, "best");
    const ways = { greedy: greedily, [`${beams} beams`]: pronouncer(beams) };
    const rows: string[][] = [];
    const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
    for (const [part, name] of [
      [parts.dev, "dev"],
      [parts.test, "test"],
    ] as const) {
      for (const [way, write] of Object.entries(ways)) {
        const { word, phoneme } = errorsOf(await write(part), part);
        context.record(last, { [`${name}, ${way}: word error rate`]: word, [`${name}, ${way}: phoneme error rate`]: phoneme });
        rows.push([name, way, percent(word), percent(phoneme)]);
      }
    }
    const headings = ["words", "search", "word error rate", "phoneme error rate"];
    context.print(`\n${table(headings, rows)}`, { event: "test", headings, rows });
    const onnx = await models.sequenceOnnx(model, capacityOf(widths.at(-1) as number));
    for (const [part, bytes] of Object.entries(onnx)) await train.writeAtomically(folder.file(`${part}.onnx`), bytes);
  },

  predict: {
    text: 'a word, such as "kasane"',
    options: z.object({ best: z.int().min(1).max(20).default(3).describe("pronunciations that are shown, the most probable first") }),

    async run(context, options, text, { best }) {
      const letters = data.loadVocabulary(context.folder.file(lettersFile));
      const phonemes = data.loadVocabulary(context.folder.file(phonemesFile));
      const word = text.trim().toLowerCase().normalize("NFC");
      const signs = [...word];
      const known = letters.tokens.slice(data.sentenceSpecials.length).sort().join(" ");
      check(word !== "", () => 'predict: got no word: expected one, such as "kasane"');
      check(signs.length <= longestWord, () => `predict: "${word}" has ${signs.length} letters, expected at most ${longestWord}`);
      const strange = [...new Set(signs.filter((sign) => !letters.has(sign)))];
      check(strange.length === 0, () => `predict: "${word}" holds "${strange.join('", "')}", expected one word of the letters ${known}`);

      const model = makePronouncer(options, letters, phonemes);
      await context.restore({ model }, "best");
      const ids = [...letters.encode(signs)];
      const count = best as number;
      const beams = Math.max(count, options.beams, 2);
      const search = searcher(model, ids.length, capacityOf(ids.length), context.device, { beams, best: count });
      const [found = []] = await search([ids]);
      const pronunciations = found.map(({ tokens, logProbability }) => ({
        phonemes: phonemes.decode(tokens),
        probability: Math.exp(logProbability),
      }));
      const first = found[0]?.tokens ?? [];
      const places = first.length > 0 ? alignLetters(await letterInfluence(model, ids, first)) : [];
      const lines = pronunciations.map(({ phonemes, probability }) => [`${(100 * probability).toFixed(1)} %`, phonemes.join(" ")]);
      context.print(`${drawAligned(signs, phonemes.decode(first), places)}\n\n${table(["probability", "phonemes"], lines)}`, {
        event: "prediction",
        word,
        pronunciations,
        alignment: places,
      });
    },
  },
});
