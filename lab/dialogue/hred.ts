import { models, seed } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import type { Series } from "../plot/chart.js";
import { talking } from "./answers.js";
import { type DialogueCorpus, readCorpus, saveWords } from "./dialogueTexts.js";
import { dialogueOptions, judgedBatches, judgeOf, perplexity, settingsOf, total, trainDialogues, wordCount } from "./dialogueTraining.js";
import { diversity, showDistinct } from "./diversity.js";

const kinds = {
  last: "GRU, last utterance",
  all: "GRU, whole context",
  hred: "HRED",
  direct: "HRED, direct",
} as const;
type Kind = keyof typeof kinds;
const names = Object.keys(kinds) as Kind[];

const options = z.object({
  models: option.namesOf(names, "what is trained").default(names.join(",")),
  ...dialogueOptions,
  hiddenSize: option.hiddenSize("the network that writes utterances").default(192),
  dropout: dialogueOptions.dropout.default(0.1),
  flatSize: option.hiddenSize("the network that reads, in the models without one over utterances").default(294),
  encoderSize: option.hiddenSize("the network that reads an utterance, in the models with one over utterances").default(192),
  contextSize: option.hiddenSize("the network over utterances").default(192),
  directSize: option.hiddenSize("the network over utterances, where the decoder is told of the last one past it").default(160),
  epochs: option.epochs("the training dialogues, for each model").default(8),
  turns: z.int().min(1).max(30).default(8).describe("perplexities are told apart by the turns before an utterance, up to so many or more"),
  answers: z.int().min(1).max(10_000).default(500).describe("answers to test utterances by which it is judged how much they differ"),
});
type Options = z.output<typeof options>;

function makeModel(name: Kind, vocabularySize: number, o: Options): models.PlainDialogueModel {
  const settings = settingsOf(vocabularySize, o);
  const { encoderSize, contextSize } = o;
  if (name === "hred") return new models.Hred({ ...settings, encoderSize, contextSize });
  if (name === "direct") return new models.Hred({ ...settings, encoderSize, contextSize: o.directSize, direct: true });
  return new models.FlatDialogueModel({ ...settings, encoderSize: o.flatSize, reads: name });
}

/** Whether it helps to read a dialogue in two levels: the words of an utterance, and the utterances of a dialogue. */
export const hred = defineExperiment({
  name: "hred",
  title: "HRED: a dialogue read in two levels, beside the last utterance alone and all words as one sequence",
  chapter: "dialogue",
  options,

  async run(context, o) {
    await compareModels(readCorpus(context, o), context, o);
  },

  predict: talking(async (context, o: Options, vocabularySize) => {
    const trained = context.trained(names, "best");
    const name = trained.includes("hred") ? "hred" : (trained[0] as Kind);
    const model = makeModel(name, vocabularySize, o);
    await context.restore({ model }, "best", name);
    return model;
  }),
});

/** Trains a model of each kind on the same dialogues for as many epochs, and compares the perplexities of the test dialogues. */
async function compareModels(corpus: DialogueCorpus, context: Context, o: Options): Promise<void> {
  await saveWords(context, corpus.vocabulary);
  const [validation, test] = [judgedBatches(corpus.validation), judgedBatches(corpus.test)];
  const rows: string[][] = [];
  const series: Series[] = [];
  for (const name of option.chosenOf(names, o.models)) {
    seed(context.seed);
    const model = makeModel(name, corpus.vocabulary.size, o);
    const judge = judgeOf((dialogues) => model.forward(dialogues), context.device);
    const { last, parameters, minutes } = await trainDialogues(name, corpus, model, context, {
      ...o,
      figures: (dialogues) => ({ loss: model.forward(dialogues).sum().div(wordCount(dialogues)) }),
      validate: async () => ({ perplexity: perplexity.withEnds(total(await judge(validation, o.turns))) }),
      metric: "perplexity",
    });

    const sums = await judge(test, o.turns);
    const all = total(sums);
    const figures = { withEnds: perplexity.withEnds(all), withoutEnds: perplexity.withoutEnds(all) };
    const byTurn = sums.map((sum) => perplexity.withEnds(sum));
    const { drawn, likeliest } = await diversity(model, corpus.test, o.answers, context.device);
    context.record(last, { [`${name}/testPerplexity`]: figures.withEnds, [`${name}/testPerplexityOfWords`]: figures.withoutEnds });
    const row = [kinds[name], String(parameters), minutes.toFixed(1), figures.withEnds.toFixed(2), figures.withoutEnds.toFixed(2)];
    row.push(showDistinct(drawn), showDistinct(likeliest));
    rows.push([...row, byTurn.map((value) => value.toFixed(1)).join(" ")]);
    context.print(row.join("   "), { event: "result", model: name, parameters, minutes, ...figures, byTurn, drawn, likeliest });
    // Of tiny test parts no dialogue may have as many turns.
    const turns = [...byTurn.keys()].filter((turn) => (sums[turn]?.ends ?? 0) > 0);
    series.push({ name: kinds[name], x: turns, y: turns.map((turn) => byTurn[turn] as number) });
  }

  // Report
  await context.plot("turns", {
    title: "Perplexity of the test dialogues by the turns before",
    xLabel: `utterances before (${o.turns}: as many or more)`,
    yLabel: "perplexity a token",
    series,
  });
  const headings = [
    "model",
    "parameters",
    "minutes",
    "perplexity",
    "without <eou>",
    "distinct-1, -2",
    "of likeliest",
    `by turns before, 0 to ${o.turns}`,
  ];
  const report = fittedTable(headings, rows);
  await files.writeAtomically(context.folder.file("table.txt"), `${report}\n`);
  context.print(`\nTest dialogues\n${report}`);
}
