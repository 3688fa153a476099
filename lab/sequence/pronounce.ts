import { data, type models, optim } from "kasane";
import type { datasets } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { seriesOf } from "../plot/chart.js";
import { architectures, begin, end, matrix, saveOnnx, trainingStep } from "./architectures.js";
import { dictionaryNames, loadSigns, readDictionary, readWord, type Signs, saveSigns } from "./dictionary.js";
import { alignLetters, drawAligned, letterInfluence } from "./letterAlignment.js";
import { errorsOf, type Pronouncer, phonemesAtMost, pronouncer } from "./pronouncer.js";
import { joinSpeakers, loadSpeakers, makeSpeaker, recipes, speakerNames, withRecipe } from "./speaker.js";

const defaultsOf = (name: keyof (typeof recipes)["lstm"]) =>
  `(default: ${Object.entries(recipes)
    .map(([architecture, recipe]) => `${architecture} ${recipe[name]}`)
    .join(", ")})`;

const schema = z.object({
  dataset: z.enum(dictionaryNames).default("cmudict").describe("whose words are learnt"),
  dictionary: option.path(z.string().min(1).describe("a file of words of one's own in CMUdict's form, in place of the dataset")).optional(),
  architecture: z.enum(speakerNames).default("transformer").describe("what reads and writes"),
  vowels: z
    .enum(["plain", "stressed"])
    .optional()
    .describe(`how vowels are learnt; their stress is taken off before errors are counted ${defaultsOf("vowels")}`),
  size: option.modelSize(`the state and of a letter's vector ${defaultsOf("size")}`, 4).optional(),
  layers: option.layers(`of the encoder, and of a recurrent decoder; that of a Transformer has one ${defaultsOf("layers")}`).optional(),
  dropout: option.dropout(`everywhere ${defaultsOf("dropout")}`).optional(),
  labelSmoothing: option.labelSmoothing().default(0.1),
  epochs: option.epochs(`the words ${defaultsOf("epochs")}`).optional(),
  batchSize: option
    .batchSize("pronunciations")
    .optional()
    .describe(`pronunciations that an update is made from ${defaultsOf("batchSize")}`),
  learningRate: option.learningRate(`Adam at its highest ${defaultsOf("learningRate")}`).optional(),
  members: option
    .listOf("[^,]+", "runs", true)
    .optional()
    .describe("trained runs that pronounce together, by the mean of their probabilities; nothing more is learnt"),
  beams: z.int().min(2).max(64).default(4).describe("beams of the search, beside which the test words are written greedily"),
});
type Options = ReturnType<typeof withRecipe<z.output<typeof schema>>>;

const percent = (share: number, digits: number): string => `${(100 * share).toFixed(digits)} %`;

/** Trains the model on the words' pronunciations and brings it to its best state; returns the number of updates. */
async function learn(
  context: Context,
  options: Options,
  { model, parts, signs, greedily }: { model: models.SequenceModel; parts: datasets.PronouncedParts; signs: Signs; greedily: Pronouncer },
): Promise<number> {
  const { architecture, labelSmoothing, epochs, batchSize, learningRate } = options;

  // Data: a word is learnt with each of its pronunciations, in batches of like lengths.
  const pairs = parts.train.flatMap(({ word, pronunciations }) => {
    const source = signs.letters.encode([...word]);
    return pronunciations.map((phonemes) => ({ source, target: [begin, ...signs.phonemes.encode(phonemes), end] }));
  });
  const lengths = pairs.map(({ source, target }) => [source.length, target.length]);
  const batching = { batchSize, buckets: data.lengthBuckets(lengths, 8), seed: context.seed };
  const batchesOf = (epoch: number) => data.bucketedBatches(lengths, { ...batching, epoch });
  const perEpoch = batchesOf(0).length;
  context.print(
    `${pairs.length} pronunciations learnt, ${perEpoch} steps an epoch, of ${data.batchShapes(lengths, batching).length} shapes`,
  );

  // Step
  const [steps, rising] = [epochs * perEpoch, Math.ceil(0.05 * epochs * perEpoch)];
  const optimizer = new optim.Adam(model, {
    learningRate: optim.warmUp(rising, optim.cosine(learningRate, Math.max(1, steps - rising))),
    clipGlobalNorm: 1,
  });
  // Recurrent models have loops.
  const step = trainingStep(model, optimizer, context.device, { labelSmoothing, arena: architecture !== "transformer" });

  // Loop
  const { history, step: last } = await context.fit({
    state: { model, optimizer },
    epochs,
    batches: batchesOf,
    step: ({ places, padded }) => {
      const [width, length] = padded as [number, number];
      const batch = Array.from(places, (place) => pairs[place] as (typeof pairs)[number]);
      const sources = batch.map(({ source }) => source);
      const targets = batch.map(({ target }) => target);
      return step({ source: matrix(sources, width), target: matrix(targets, length) });
    },
    validate: () => errorsOf(greedily, parts.dev),
    best: { metric: "wordErrorRate", mode: "min" },
  });
  await context.plot("errors", {
    title: `Words mispronounced: ${architectures[architecture]}`,
    xLabel: "update",
    yLabel: "share of the dev words",
    series: [seriesOf(history, "wordErrorRate", "dev words, greedily")],
  });
  await context.restore({ model }, "best");
  return last;
}

/** Letters to phonemes, by each of the architectures, on dictionaries with published figures. */
export const pronounce = defineExperiment({
  name: "pronounce",
  title: "Pronunciation: letters to phonemes, learnt from a dictionary",
  chapter: "sequence",
  options: schema,

  async run(context, given) {
    const options = withRecipe(given);
    const { architecture, members, beams, vowels } = options;
    const { device } = context;
    // A later version may have another recipe.
    await context.folder.update({ options });
    const parts = await readDictionary(context, options.dataset, { file: options.dictionary, stress: vowels === "stressed" });
    const signs = await saveSigns(context, parts.train);
    const model = members === undefined ? makeSpeaker(options, signs) : await joinSpeakers(context, members, signs);
    const parameters = model.parameterCount();
    const words = Object.entries(parts).map(([part, { length }]) => `${part} ${length}`);
    context.print(`${members ?? architectures[architecture]}, ${parameters} parameters; words: ${words.join(", ")}`);

    const everyWord = [...parts.train, ...parts.dev, ...parts.test].map(({ word }) => [[...word].length]);
    const widths = data.lengthBuckets(everyWord, 4).map(([width]) => width as number);
    const greedily = pronouncer(model, signs, widths, device);
    const last = members === undefined ? await learn(context, options, { model, parts, signs, greedily }) : 0;

    // Report: words that the best state was not chosen by.
    const searches = { greedy: greedily, [`${beams} beams`]: pronouncer(model, signs, widths, device, { beams, best: beams }) };
    const rows: string[][] = [];
    for (const part of ["dev", "test"] as const) {
      for (const [search, pronounceWords] of Object.entries(searches)) {
        const { wordErrorRate, phonemeErrorRate } = await errorsOf(pronounceWords, parts[part]);
        const name = `${part}, ${search}`;
        context.record(last, { [`${name}: word error rate`]: wordErrorRate, [`${name}: phoneme error rate`]: phonemeErrorRate });
        rows.push([part, search, percent(wordErrorRate, 2), percent(phonemeErrorRate, 2)]);
      }
    }
    const headings = ["words", "search", "word error rate", "phoneme error rate"];
    context.print(`\n${fittedTable(headings, rows)}`, { event: "test", headings, rows });
    await saveOnnx(context, model, phonemesAtMost(widths.at(-1) as number));
  },

  predict: {
    text: 'a word, such as "kasane"',
    options: z.object({ best: z.int().min(1).max(20).default(3).describe("pronunciations that are shown, the most probable first") }),

    async run(context, options, text, flags) {
      const best = flags.best as number;
      const signs = loadSigns(context);
      const word = readWord(text, signs);
      const model = options.members === undefined ? makeSpeaker(options, signs) : loadSpeakers(context, signs);
      await context.restore({ model }, "best");
      const letters = [...word];
      const search = { beams: Math.max(best, options.beams), best };
      const [ways = []] = await pronouncer(model, signs, [letters.length], context.device, search)([word]);
      const spoken = ways[0]?.phonemes ?? [];
      const alignment = alignLetters(await letterInfluence(model, [...signs.letters.encode(letters)], [...signs.phonemes.encode(spoken)]));
      const rows = ways.map(({ phonemes, probability }) => [percent(probability, 1), phonemes.join(" ")]);
      const record = { event: "prediction", word, pronunciations: ways, alignment };
      context.print(`${drawAligned(letters, spoken, alignment)}\n\n${fittedTable(["probability", "phonemes"], rows)}`, record);
    },
  },
});
