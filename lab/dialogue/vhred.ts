import { maximum, models, seed, type Tensor } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { talking } from "./answers.js";
import { type DialogueCorpus, readCorpus, saveWords } from "./dialogueTexts.js";
import { dialogueOptions, judgedBatches, type StepFigures, settingsOf, trainDialogues, wordCount } from "./dialogueTraining.js";
import { diversity, showDistinct } from "./diversity.js";
import { importancePerplexity, judgeVhred } from "./vhredFigures.js";

/** What keeps the latent variable from being ignored. */
interface Remedies {
  readonly klAnnealing: number;
  readonly wordDropout: number;
  readonly freeBits: number;
  readonly bagOfWords: number;
}

/** Models that do without one of the remedies, or without all of them. */
const variants = {
  full: { title: "VHRED", without: {} },
  "no-annealing": { title: "without annealing", without: { klAnnealing: 0 } },
  "no-word-dropout": { title: "without word dropout", without: { wordDropout: 0 } },
  "no-free-bits": { title: "without free bits", without: { freeBits: 0 } },
  "no-bag-of-words": { title: "without bag of words", without: { bagOfWords: 0 } },
  plain: { title: "without all four", without: { klAnnealing: 0, wordDropout: 0, freeBits: 0, bagOfWords: 0 } },
} as const satisfies Record<string, { readonly title: string; readonly without: Partial<Remedies> }>;
type Variant = keyof typeof variants;
const names = Object.keys(variants) as Variant[];

const options = z.object({
  models: option.namesOf(names, "what is trained").default(names.join(",")),
  ...dialogueOptions,
  latent: option.modelSize("the latent variable of an utterance", 1).default(2),
  klAnnealing: z.number().min(0).max(1).default(0.1).describe("share of the training in which the divergence's weight rises from 0 to 1"),
  wordDropout: option.dropout("of whole words that the decoder is told").default(0.01),
  freeBits: z.number().min(0).max(100).default(2.05).meta({ description: "divergence that costs nothing", unit: "nats an utterance" }),
  bagOfWords: z.number().min(0).max(100).default(0.05).describe("weight of the loss of an utterance's words in no order"),
  epochs: option.epochs("the training dialogues, for each model").default(3),
  samples: z.int().min(1).max(1000).default(50).describe("draws for each utterance by which its probability is estimated"),
  sampledDialogues: z.int().min(1).default(100).describe("test dialogues, the first ones, whose probabilities are estimated so"),
  answers: z.int().min(1).max(10_000).default(500).describe("answers to test utterances by which it is judged how much they differ"),
});
type Options = z.output<typeof options>;

function makeModel(name: Variant, vocabularySize: number, o: Options): models.Vhred {
  const { wordDropout } = { ...o, ...variants[name].without };
  const { hiddenSize, latent } = o;
  return new models.Vhred({ ...settingsOf(vocabularySize, o), encoderSize: hiddenSize, contextSize: hiddenSize, latent, wordDropout });
}

/** Whether a model of dialogues learns to use a variable for what an utterance does not owe to those before it. */
export const vhred = defineExperiment({
  name: "vhred",
  title: "VHRED: a latent variable for each utterance of a dialogue, and what keeps it in use",
  chapter: "dialogue",
  options,

  async run(context, o) {
    await compareVariants(readCorpus(context, o), context, o);
  },

  predict: talking(async (context, o: Options, vocabularySize) => {
    const name = context.trained(names, "best")[0] as Variant;
    const model = makeModel(name, vocabularySize, o);
    await context.restore({ model }, "best", name);
    return model;
  }),
});

/**
 * The terms of a step, in nats a word. Of the divergence each latent unit may have its share of the free bits, in the mean of the batch (Kingma et al.
 * 2016, Improving variational inference with inverse autoregressive flow, appendix C.8).
 * @param progress what share of the training is done
 */
function termsOf(model: models.Vhred, dialogues: models.Dialogues, progress: Tensor, { klAnnealing, freeBits, bagOfWords }: Remedies) {
  const { reconstruction, divergence, bagOfWords: bag } = model.forward(dialogues);
  const words = wordCount(dialogues);
  const utterances = dialogues.words.equal(model.settings.end).cast("float32").sum();
  const ofUnits = divergence.sum({ axis: [0, 1] }).div(utterances);
  const charged = maximum(ofUnits, freeBits / model.options.latent)
    .sum()
    .mul(utterances)
    .div(words);
  const weight = klAnnealing > 0 ? progress.div(klAnnealing).minimum(1).reshape([]) : 1;
  const [nats, kl] = [reconstruction.sum().div(words), ofUnits.sum()];
  const elbo = nats.add(charged.mul(weight));
  const loss = bagOfWords > 0 ? elbo.add(bag.sum().div(words).mul(bagOfWords)) : elbo;
  return { loss, nats, kl } satisfies StepFigures;
}

/** Trains each variant on the same dialogues for as many epochs, and compares them on the test dialogues. */
async function compareVariants(corpus: DialogueCorpus, context: Context, o: Options): Promise<void> {
  const { device } = context;
  await saveWords(context, corpus.vocabulary);
  const [validation, test] = [judgedBatches(corpus.validation), judgedBatches(corpus.test)];
  const rows: string[][] = [];
  for (const name of option.chosenOf(names, o.models)) {
    seed(context.seed);
    const model = makeModel(name, corpus.vocabulary.size, o);
    const judge = judgeVhred(model, device);
    const { last, parameters, minutes } = await trainDialogues(name, corpus, model, context, {
      ...o,
      figures: (dialogues, progress) => termsOf(model, dialogues, progress, { ...o, ...variants[name].without }),
      validate: async () => ({ ...(await judge(validation)) }),
      metric: "negativeElbo",
    });

    const figures = await judge(test);
    const sampled = judgedBatches(corpus.test.slice(0, o.sampledDialogues));
    const perplexity = await importancePerplexity(model, sampled, o.samples, device);
    const { drawn, likeliest } = await diversity(model, corpus.test, o.answers, device);
    const { negativeElbo, kl, activeUnits } = figures;
    context.record(last, { ...Object.fromEntries(Object.entries(figures).map(([figure, value]) => [`${name}/test/${figure}`, value])) });
    const row = [variants[name].title, minutes.toFixed(1), negativeElbo.toFixed(4), kl.toFixed(2), String(activeUnits)];
    rows.push([...row, Math.exp(negativeElbo).toFixed(2), perplexity.toFixed(2), showDistinct(drawn), showDistinct(likeliest)]);
    context.print((rows.at(-1) as string[]).join("   "), {
      ...{ event: "result", model: name, parameters, minutes },
      ...{ ...figures, perplexity, drawn, likeliest },
    });
  }

  // Report
  const weighted = `importance-weighted (${o.sampledDialogues} dialogues)`;
  const headings = ["model", "minutes", "-ELBO", "KL", "active units", "perplexity at most", weighted, "distinct-1, -2", "of likeliest"];
  const report = fittedTable(headings, rows);
  await files.writeAtomically(context.folder.file("table.txt"), `${report}\n`);
  context.print(`\nTest dialogues: -ELBO in nats a token, KL in nats an utterance\n${report}`);
}
