import { check, compile, data, metrics, optim, random } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import type { Series } from "../plot/chart.js";
import {
  type Architecture,
  architectureNames,
  architectures,
  begin,
  end,
  makeModel,
  matrix,
  trainingStep,
  writer,
} from "./architectures.js";

const tasks = { copy: (letters: number[]) => letters, reverse: (letters: number[]) => letters.toReversed() };
type Task = keyof typeof tasks;
const taskNames = Object.keys(tasks) as Task[];
const letters = [..."abcdefgh"];
const firstLetter = data.sentenceSpecials.length;
const vocabularySize = firstLetter + letters.length;
const vocabularies = { sourceVocabulary: vocabularySize, targetVocabulary: vocabularySize };

const schema = z.object({
  tasks: option.namesOf(taskNames, "what is learnt").default("copy,reverse"),
  architectures: option.namesOf(architectureNames, "what is compared").default("gru,attention,transformer"),
  trainedLength: z.int().min(2).max(100).default(20).meta({ description: "longest sequence that is learnt from", unit: "letters" }),
  longest: z.int().min(5).max(200).default(50).meta({ description: "longest sequence that is tried", unit: "letters" }),
  size: option.modelSize("the state and of a letter's vector", 4).default(128),
  steps: z.int().min(1).default(1500).describe("updates of each model"),
  batchSize: option.batchSize("fresh sequences").default(64),
  learningRate: option.cosineLearningRate().default(0.001),
  tried: z.int().min(1).default(100).describe("sequences of each length that are tried"),
});

/** Draws `count` sequences of random letters, as ids. Each length between the two is equally likely. */
function sequenceDrawer(count: number, shortest: number, longest: number): () => Promise<number[][]> {
  const draw = compile(() => random.uniform([count, longest + 1]));
  return async () => {
    const draws = await (await draw()).data();
    return Array.from({ length: count }, (_, i) => {
      const [first, ...rest] = Array.from(draws.slice(i * (longest + 1), (i + 1) * (longest + 1)), Number);
      const length = shortest + Math.floor((first as number) * (longest - shortest + 1));
      return rest.slice(0, length).map((value) => firstLetter + Math.floor(value * letters.length));
    });
  };
}

/** Copying and reversing, learnt on short sequences and tried on longer ones. */
export const reverse = defineExperiment({
  name: "reverse",
  title: "Copying and reversing: at which length each architecture breaks",
  chapter: "sequence",
  options: schema,

  async run(context, options) {
    const { trainedLength, longest, size, steps, batchSize, learningRate, tried } = options;
    const { device } = context;
    check(longest >= trainedLength, () => `--longest: ${longest} is below --trained-length, ${trainedLength}`);

    // Test: the same sequences for all, of every fifth length, drawn before training.
    const lengths = Array.from({ length: Math.floor(longest / 5) }, (_, i) => 5 * (i + 1));
    const trials = new Map<number, number[][]>();
    for (const length of lengths) trials.set(length, await sequenceDrawer(tried, length, length)());
    const drawExamples = sequenceDrawer(batchSize, 1, trainedLength);

    const rows: string[][] = [];
    for (const task of option.chosenOf(taskNames, options.tasks)) {
      const series: Series[] = [];
      for (const architecture of option.chosenOf(architectureNames, options.architectures)) {
        const title = architectures[architecture as Architecture];
        const model = makeModel(architecture, { ...vocabularies, size });
        const optimizer = new optim.Adam(model, { learningRate: optim.cosine(learningRate, steps), clipGlobalNorm: 1 });
        const step = trainingStep(model, optimizer, device);
        const { step: last } = await context.fit({
          ...context.part(`${task}-${architecture}`),
          state: { model, optimizer },
          steps,
          async step() {
            const sources = await drawExamples();
            const targets = sources.map((source) => [begin, ...tasks[task](source), end]);
            return step({ source: matrix(sources, trainedLength), target: matrix(targets, trainedLength + 2) });
          },
        });

        // A sequence is right as a whole or not at all; edits are counted for each letter.
        const write = writer(model, longest, longest + 1, device);
        const exact: number[] = [];
        for (const length of lengths) {
          const sources = trials.get(length) as number[][];
          const references = sources.map((source) => [tasks[task](source)]);
          const written = await write(sources);
          const [right, edits] = [1 - metrics.sequenceErrorRate(written, references), metrics.tokenErrorRate(written, references)];
          exact.push(right);
          context.record(last, {
            [`${task}/${architecture}/${length}/exact`]: right,
            [`${task}/${architecture}/${length}/edits`]: edits,
          });
        }
        const holds = lengths.filter((_, i) => exact.slice(0, i + 1).every((share) => share >= 0.9)).at(-1);
        rows.push([task, title, holds === undefined ? "none" : String(holds), ...exact.map((share) => `${Math.round(100 * share)}`)]);
        series.push({ name: title, x: lengths, y: exact });
        context.print((rows.at(-1) as string[]).join("   "), { event: "result", task, architecture, holds, lengths, exact });
      }
      await context.plot(task, {
        title: `${task === "copy" ? "Copying" : "Reversing"}, learnt up to length ${trainedLength}`,
        xLabel: "length of the sequence (letters)",
        yLabel: "share of sequences without a mistake",
        series,
      });
    }

    // Report
    context.print(`\nwhole sequences right, in %, by length; it holds up to where nine in ten are`);
    context.print(fittedTable(["task", "architecture", "holds to", ...lengths.map(String)], rows));
  },

  predict: {
    text: 'letters from a to h, such as "abcdefgh"',
    async run(context, { longest, size }, text) {
      const given = [...text.trim().toLowerCase()];
      check(
        given.length > 0 && given.length <= longest && given.every((letter) => letters.includes(letter)),
        () => `predict: got "${text}", expected at most ${longest} letters from ${letters[0]} to ${letters.at(-1)}`,
      );
      const source = given.map((letter) => firstLetter + letters.indexOf(letter));
      const textOf = (ids: readonly number[]) => ids.map((id) => letters[id - firstLetter] ?? "?").join("");
      const parts = new Map(
        taskNames.flatMap((task) => architectureNames.map((architecture) => [`${task}-${architecture}`, { task, architecture }] as const)),
      );
      const answers = [];
      for (const part of context.trained([...parts.keys()])) {
        const { task, architecture } = parts.get(part) as { task: Task; architecture: Architecture };
        const model = makeModel(architecture, { ...vocabularies, size });
        await context.restore({ model }, "last", part);
        const [written = []] = await writer(model, given.length, longest + 1, context.device)([source]);
        answers.push({ task, architecture, answer: textOf(written), right: textOf(written) === textOf(tasks[task](source)) });
      }
      const rows = answers.map(({ task, architecture, answer, right }) => [
        task,
        architectures[architecture],
        right ? "right" : "wrong",
        answer,
      ]);
      context.print(fittedTable(["task", "architecture", "", "what it writes"], rows), {
        event: "prediction",
        text: given.join(""),
        answers,
      });
    },
  },
});
