import { join } from "node:path";
import { check, compile, type Device, type models, optim, type Tensor } from "kasane";
import { z } from "zod";
import type { Context } from "../context.js";
import * as option from "../options.js";
import { Stopwatch } from "../stopwatch.js";
import { DialogueBatches } from "./dialogueBatches.js";
import { type DialogueCorpus, type DialogueIds, end, padding, unknown } from "./dialogueTexts.js";

/** The options of what is read, of the sizes and of the training, for every model of dialogues. */
export const dialogueOptions = {
  vocabulary: z.int().min(1).max(100_000).default(10_000).describe("the most frequent words of the training dialogues; others are <unk>"),
  longest: z.int().min(2).max(2000).default(256).meta({ description: "what dialogues that are trained on are cut to", unit: "words" }),
  size: option.modelSize("the words' vectors", 1).default(128),
  hiddenSize: option.hiddenSize("the networks that read and write utterances, and of the one over utterances").default(192),
  dropout: option.dropout("of words' vectors and before the output").default(0),
  sampledWords: z
    .int()
    .min(0)
    .default(500)
    .describe("words drawn for the softmax of a step, beside as many of the most frequent ones; 0: it is over all"),
  batchSize: option.batchSize("dialogues of like lengths").default(4),
  buckets: z.int().min(1).max(24).default(5).describe("lengths that dialogues are padded to: for each a graph is compiled"),
  learningRate: option.cosineLearningRate().default(0.003),
};

/** The values of {@link dialogueOptions}. */
export type DialogueOptionValues = Readonly<Record<keyof typeof dialogueOptions, number>>;

/** The settings that all models of a run share. */
export const settingsOf = (vocabularySize: number, o: DialogueOptionValues): models.DialogueOptions => {
  const { size, hiddenSize, dropout, sampledWords } = o;
  const sampled = sampledWords > 0 ? { frequentWords: sampledWords, sampledWords } : undefined;
  check(
    2 * sampledWords <= vocabularySize,
    () => `--sampled-words: ${sampledWords}, expected at most half of the vocabulary, ${vocabularySize}: fewer, or 0`,
  );
  return { vocabularySize, size, hiddenSize, dropout, end, unknown, padding, sampled };
};

/** A step's figures, of which `loss` is what is made smaller. */
export type StepFigures = Readonly<Record<string, Tensor>> & { readonly loss: Tensor };

/** How a model of dialogues learns. */
export interface DialogueTraining extends DialogueOptionValues {
  readonly epochs: number;
  /** @param progress what share of the training is done, 0 to 1 */
  figures(dialogues: models.Dialogues, progress: Tensor): StepFigures;
  /** Figures of the validation dialogues. */
  validate(): Promise<Readonly<Record<string, number>>>;
  /** Which of these tells how good the model is: the less the better. */
  readonly metric: string;
}

/** How many words and end marks dialogues have, as a tensor. */
export const wordCount = ({ words }: models.Dialogues): Tensor => words.notEqual(padding).cast("float32").sum();

/** Trains a model in a folder of its own; `best.safetensors` has what was best on the validation dialogues. */
export async function trainDialogues(
  name: string,
  { train }: DialogueCorpus,
  model: models.DialogueModel,
  context: Context,
  o: DialogueTraining,
) {
  const { device, seed } = context;
  const batches = new DialogueBatches(train, o);
  const steps = o.epochs * batches.perEpoch;
  check(steps > 0, () => `--batch-size: ${o.batchSize} is more than the ${train.length} dialogues to train on`);
  const parameters = model.parameterCount();
  context.print(`\n${name}: ${parameters} parameters, ${batches.perEpoch} steps an epoch`);
  const optimizer = new optim.Adam(model, { learningRate: optim.cosine(o.learningRate, steps), clipGlobalNorm: 1 });
  const step = compile(
    (dialogues: models.Dialogues, progress: Tensor) => {
      const figures = o.figures(dialogues, progress);
      optimizer.minimize(figures.loss);
      return figures;
    },
    { training: true, device },
  );
  const place = context.part(name);
  const clock = new Stopwatch(join(place.folder as string, "minutes.txt"));
  const fitted = context.fit<models.Dialogues>({
    ...place,
    state: { model, optimizer },
    epochs: o.epochs,
    best: { metric: o.metric, mode: "min" },
    batches: (epoch) => batches.shuffled(seed, epoch),
    step: (batch, _, done) => step(batch, Float32Array.of(done / steps)),
    async validate() {
      const figures = await o.validate();
      const shown = Object.entries(figures).map(([figure, value]) => `${figure} ${value.toPrecision(5)}`);
      context.print(`${name}, validation: ${shown.join(", ")}`);
      return figures;
    },
  });
  const { step: last, history } = await fitted.finally(() => clock.stop());
  await context.restore({ model }, "best", name);
  return { last, history, parameters, minutes: clock.minutes };
}

/** Nats of words, and of end marks, summed, and how many there are of each. */
export interface Sums {
  nats: number;
  words: number;
  endNats: number;
  ends: number;
}

/** Perplexity a token. */
export const perplexity = {
  /** The end marks among the tokens. */
  withEnds: ({ nats, endNats, words, ends }: Sums): number => Math.exp((nats + endNats) / (words + ends)),
  withoutEnds: ({ nats, words }: Sums): number => Math.exp(nats / words),
};

/** A function that sums up what the words of dialogues cost a model, by the number of turns before: the last counts all that have as many or more. */
export function judgeOf(losses: (dialogues: models.Dialogues) => Tensor, device: Device) {
  const judge = compile(losses, { device, arena: false });
  return async (batches: DialogueBatches, most: number): Promise<Sums[]> => {
    const sums = Array.from({ length: most + 1 }, (): Sums => ({ nats: 0, words: 0, endNats: 0, ends: 0 }));
    for (const { places, batch } of batches.once()) {
      const values = (await (await judge(batch)).data()) as Float32Array;
      places.forEach((place, column) => {
        let turn = 0;
        (batches.dialogues[place] as DialogueIds).words.forEach((word, row) => {
          const sum = sums[Math.min(turn, most)] as Sums;
          const value = values[row * places.length + column] as number;
          if (word === end) {
            sum.endNats += value;
            sum.ends++;
            turn++;
          } else {
            sum.nats += value;
            sum.words++;
          }
        });
      });
    }
    return sums;
  };
}

/** The sums of all turns. */
export const total = (sums: readonly Sums[]): Sums =>
  sums.reduce((a, b) => ({ nats: a.nats + b.nats, words: a.words + b.words, endNats: a.endNats + b.endNats, ends: a.ends + b.ends }));

/** Dialogues in batches to judge models by, all words of all of them. */
export const judgedBatches = (dialogues: readonly DialogueIds[]): DialogueBatches =>
  new DialogueBatches(dialogues, { batchSize: 16, buckets: 5 });
