import { check, type metrics, models, optim } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { seriesOf } from "../plot/chart.js";
import { saveOnnx } from "./architectures.js";
import { readSentence } from "./englishSentence.js";
import {
  bleuOf,
  type Corpus,
  greedily,
  loadVocabularies,
  pairOptions,
  readCorpus,
  saveVocabularies,
  Translator,
  trainTranslator,
  type Vocabularies,
} from "./translation.js";
import { drawTranslation } from "./translationMaps.js";

const options = z.object({
  layers: option.layers("layers of the encoder").default(3),
  decoderLayers: option.layers("layers of the decoder").default(3),
  heads: z.int().min(1).max(32).default(4).describe("heads of each attention"),
  size: option.modelSize("the words' vectors and of all layers", 2).default(256),
  innerSize: z.int().min(1).max(8192).default(512).meta({ description: "of the layer within a feed-forward part", unit: "units" }),
  dropout: option.dropout("everywhere in the Transformer").default(0.2),
  labelSmoothing: option.labelSmoothing().default(0.1),
  preNorm: z.boolean().default(true).describe("normalising what goes into each part, and not what comes out of its sum"),
  ...pairOptions,
  epochs: option.epochs("the training pairs").default(16),
  learningRate: option.learningRate("Adam at its highest").default(0.001),
  warmUp: z.int().min(1).default(400).describe("updates in which the step size rises to that"),
  schedule: z
    .enum(["cosine", "inverseSquareRoot"])
    .default("cosine")
    .describe("how it falls then: cosine to 0 at the end, or never so far"),
  beams: z.int().min(2).max(32).default(5).describe("hypotheses that beam search follows, in the end"),
  lengthPenalty: z.number().min(0).max(4).default(0.6).describe("how much beam search favours long translations"),
});
type Options = z.output<typeof options>;

/** Vaswani et al. 2017, table 3, base, and section 5.3: the highest step size is (size warmUp)^-0.5. */
const report: Partial<Options> = {
  layers: 6,
  decoderLayers: 6,
  heads: 8,
  size: 512,
  innerSize: 2048,
  dropout: 0.1,
  preNorm: false,
  learningRate: (512 * 4000) ** -0.5,
  warmUp: 4000,
  schedule: "inverseSquareRoot",
};

/** The report's Transformer. */
export const translate = defineExperiment({
  name: "translate",
  title: "Translation: a Transformer from English to Japanese",
  chapter: "sequence",
  options,
  presets: { small: {}, report },

  async run(context, o) {
    await trainOn(await readCorpus(context, o.minimumCount, o.longest), context, o);
  },

  predict: {
    text: 'an English sentence, such as "show your own business ."',
    options: z.object({
      attention: z.boolean().default(false).describe("leave a picture of what every head looked at in the run folder, attention.svg"),
    }),
    async run(context, o, text, { attention }) {
      const vocabularies = loadVocabularies(context);
      const source = readSentence(text, vocabularies, o.longest);
      const model = makeTransformer(vocabularies, o);
      await context.restore({ model }, "best");
      const translator = new Translator(model, vocabularies, o.longest, context.device);
      const [target] = (await translator.translate([source], { beams: o.beams, lengthPenalty: o.lengthPenalty })) as [string[]];
      const { words, unknown } = source;
      if (unknown.length > 0) context.print(`not among the words that it has learnt: ${unknown.join(", ")}`);
      context.print(target.join(" "), { event: "translation", source: words.join(" "), target: target.join(" "), unknown });
      if (!attention) return;
      const file = context.folder.file("attention.svg");
      await files.writeAtomically(file, await drawTranslation(model, vocabularies, words, target));
      context.print(`attention: ${file}`, { event: "attention", file });
    },
  },
});

export function makeTransformer({ source, target }: Vocabularies, o: Options): models.Transformer {
  check(o.size % o.heads === 0, () => `--heads: ${o.heads} heads do not share --size ${o.size} evenly`);
  const { layers, decoderLayers, heads, size, innerSize, dropout, preNorm } = o;
  const sizes = { layers, decoderLayers, heads, size, innerSize, dropout, preNorm };
  return new models.Transformer({ ...sizes, sourceVocabulary: source.size, targetVocabulary: target.size });
}

/** Trains a Transformer, and tests the state that was best on the dev pairs. */
export async function trainOn(corpus: Corpus, context: Context, o: Options): Promise<void> {
  await saveVocabularies(context, corpus.vocabularies);
  const model = makeTransformer(corpus.vocabularies, o);
  const { history, step, translator } = await trainTranslator(corpus, model, context, {
    ...o,
    arena: false,
    // Section 5.3 of the paper. Clipped: otherwise a rare large step undoes many.
    optimizer: (steps) => new optim.Adam(model, { learningRate: scheduleOf(o, steps), beta2: 0.98, epsilon: 1e-9, clipGlobalNorm: 1 }),
  });

  // Report: the dev pairs, by which the state was chosen, then the test pairs.
  await context.plot("bleu", {
    title: "BLEU of greedy translations of the dev pairs",
    xLabel: "update",
    yLabel: "BLEU",
    series: [seriesOf(history, "devBleu", "dev")],
  });
  await context.restore({ model }, "best");
  for (const part of ["dev", "test"] as const) {
    for (const search of [greedily, { beams: o.beams, lengthPenalty: o.lengthPenalty }]) {
      const translations = await translator.translate(corpus[part], search);
      const { score, signature, interval } = bleuOf(translations, corpus[part], { resamples: 1000, seed: context.seed });
      const { low, high } = interval as metrics.Interval;
      const name = search.beams === 1 ? "greedy" : "beam";
      context.record(step, { [`${part}/${name}Bleu`]: score });
      context.print(`${part}, ${name}: BLEU ${score.toFixed(2)}, 95 % in ${low.toFixed(2)} to ${high.toFixed(2)} (${signature})`, {
        event: "bleu",
        ...{ part, name, score, low, high, signature },
      });
    }
  }
  await saveOnnx(context, model, o.longest + 1);
}

function scheduleOf({ schedule, learningRate, warmUp }: Options, steps: number): optim.Schedule {
  if (schedule === "inverseSquareRoot") return optim.inverseSquareRoot(learningRate, warmUp);
  return optim.warmUp(warmUp, optim.cosine(learningRate, Math.max(1, steps - warmUp)));
}
