import { check, type metrics, models, optim, seed } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import type { Series } from "../plot/chart.js";
import { readSentence } from "./englishSentence.js";
import {
  bleuOf,
  type Corpus,
  type Example,
  loadVocabularies,
  pairOptions,
  readCorpus,
  saveVocabularies,
  Translator,
  trainTranslator,
  type Vocabularies,
} from "./translation.js";

/** What is compared: a cell, and whether the decoder looks back at what the encoder read. */
const kinds = {
  gru: { title: "GRU", cell: "gru", attends: false },
  lstm: { title: "LSTM", cell: "lstm", attends: false },
  "gru-attention": { title: "GRU, attention", cell: "gru", attends: true },
  "lstm-attention": { title: "LSTM, attention", cell: "lstm", attends: true },
} as const;
type Kind = keyof typeof kinds;
const names = Object.keys(kinds) as Kind[];

const options = z.object({
  models: option.namesOf(names, "what is trained").default(names.join(",")),
  attention: z.enum(["additive", "dot", "general"]).default("general").describe("how those that attend score what they look at"),
  size: option.modelSize("the words' vectors and of all states", 1).default(256),
  dropout: option.dropout("of words' vectors and before the output").default(0.2),
  ...pairOptions,
  epochs: option.epochs("the training pairs, for each model").default(4),
  learningRate: option.cosineLearningRate().default(0.002),
  short: z.int().min(1).default(6).meta({ description: "a sentence at most to count as short", unit: "words" }),
  medium: z.int().min(1).default(9).meta({ description: "a sentence at most to count as medium; above it is long", unit: "words" }),
});
type Options = z.output<typeof options>;

/** Whether a vector of fixed size can hold a sentence: the report's reason for attention. */
export const translateRnn = defineExperiment({
  name: "translate-rnn",
  title: "Translation by GRU and LSTM, with and without attention: what each loses on long sentences",
  chapter: "sequence",
  options,

  async run(context, o) {
    await compareModels(await readCorpus(context, o.minimumCount, o.longest), context, o);
  },

  predict: {
    text: 'an English sentence, such as "show your own business ."',
    async run(context, o, text) {
      const vocabularies = loadVocabularies(context);
      const source = readSentence(text, vocabularies, o.longest);
      const { words, unknown } = source;
      if (unknown.length > 0) context.print(`not among the words that it has learnt: ${unknown.join(", ")}`);
      for (const name of context.trained(names, "best")) {
        const model = makeModel(name, vocabularies, o);
        await context.restore({ model }, "best", name);
        const [target = []] = await new Translator(model, vocabularies, o.longest, context.device).translate([source]);
        const record = { event: "translation", model: name, source: words.join(" "), target: target.join(" "), unknown };
        context.print(`${kinds[name].title}: ${target.join(" ")}`, record);
      }
    },
  },
});

function makeModel(name: Kind, { source, target }: Vocabularies, o: Options): models.SequenceToSequence {
  const { cell, attends } = kinds[name];
  return new models.SequenceToSequence({
    ...{ cell, bidirectional: true, size: o.size, hiddenSize: o.size, dropout: o.dropout },
    sourceVocabulary: source.size,
    targetVocabulary: target.size,
    ...(attends ? { attention: o.attention } : {}),
  });
}

/** Trains one model of each kind on the same pairs, and compares their translations of short, medium and long sentences. */
async function compareModels(corpus: Corpus, context: Context, o: Options): Promise<void> {
  const groups = groupsOf(corpus.test, o);
  await saveVocabularies(context, corpus.vocabularies);
  const rows: string[][] = [];
  const series: Series[] = [];
  for (const name of option.chosenOf(names, o.models)) {
    const { title } = kinds[name];
    seed(context.seed);
    const model = makeModel(name, corpus.vocabularies, o);
    context.print(`\n${title}`);
    const trained = await trainTranslator(corpus, model, context, {
      ...o,
      ...context.part(name),
      labelSmoothing: 0,
      optimizer: (steps) => new optim.Adam(model, { learningRate: optim.cosine(o.learningRate, steps), clipGlobalNorm: 1 }),
    });

    // Each sentence of the test by the state that was best on the dev pairs.
    await context.restore({ model }, "best", name);
    const translations = await trained.translator.translate(corpus.test);
    const all = bleuOf(translations, corpus.test, { resamples: 1000, seed: context.seed });
    const scores = groups.map(({ places }) => {
      const chosen = <Value>(values: readonly Value[]) => places.map((place) => values[place] as Value);
      return bleuOf(chosen(translations), chosen(corpus.test)).score;
    });
    const { low, high } = all.interval as metrics.Interval;
    context.record(trained.step, {
      ...Object.fromEntries(groups.map((group, i) => [`${name}/${group.name}Bleu`, scores[i] as number])),
      [`${name}/testBleu`]: all.score,
    });
    const { parameters, minutes } = trained;
    const bleu = [...scores, all.score].map((score) => score.toFixed(2));
    rows.push([title, String(parameters), minutes.toFixed(1), ...bleu, `${low.toFixed(2)} to ${high.toFixed(2)}`]);
    context.print((rows.at(-1) as string[]).join("   "), {
      event: "result",
      model: name,
      parameters,
      minutes,
      scores,
      bleu: all.score,
      low,
      high,
    });
    series.push({ name: title, x: groups.map(({ words }) => words), y: scores });
  }

  // Report
  await context.plot("length", {
    title: "BLEU of test sentences by length",
    xLabel: "words of the English sentence, mean of the group",
    yLabel: "BLEU",
    series,
  });
  const counts = groups.map((group) => `${group.name} (${group.places.length})`);
  const report = fittedTable(["model", "parameters", "minutes", ...counts, `all (${corpus.test.length})`, "95 %"], rows);
  await files.writeAtomically(context.folder.file("table.txt"), `${report}\n`);
  context.print(`\nBLEU of greedy translations of the test pairs, by the length of the English sentence\n${report}`);
}

/** The places of short, medium and long sentences, and how many words those have in the mean. */
function groupsOf(examples: readonly Example[], { short, medium }: Options) {
  check(short < medium, () => `--medium: ${medium} words, expected more than --short, ${short}`);
  const bounds = { short: [0, short], medium: [short, medium], long: [medium, Number.POSITIVE_INFINITY] } as const;
  return Object.entries(bounds).map(([name, [above, most]]) => {
    const lengthOf = (place: number) => (examples[place] as Example).source.length;
    const places = [...examples.keys()].filter((place) => lengthOf(place) > above && lengthOf(place) <= most);
    check(places.length > 0, () => `--short, --medium: no test sentence is ${name}: set them to other lengths`);
    return { name, places, words: places.reduce((sum, place) => sum + lengthOf(place), 0) / places.length };
  });
}
