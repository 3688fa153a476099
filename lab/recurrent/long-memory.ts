import { arange, check, compile, nn, optim, random, seed, stack, type Tensor, tensor, Variable, zeros } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import type { Series } from "../plot/chart.js";
import { type CellName, cells, gradientByLag, lastHidden } from "./memoryCells.js";

/** The mean squared error below which the adding problem counts as solved; to answer 1 always has the variance of the sum, 2/12. */
const solvedBelow = 0.01;
const heldOutSize = 500;
const names = Object.keys(cells) as CellName[];

const schema = z.object({
  lags: z.int().min(2).max(1000).default(60).meta({ description: "how far back the gradients are followed", unit: "steps" }),
  networks: z.int().min(1).default(20).describe("fresh networks of each cell that the gradients are averaged over"),
  lengths: option
    .listOf("[2-9]|[1-9]\\d{1,3}", "integers from 2 to 9999")
    .default("50,200,500")
    .describe("lengths of the adding problem, with commas"),
  cells: option.namesOf(names, "cells that are compared").default(names.join(",")),
  hiddenSize: option.hiddenSize().default(32),
  steps: z.int().min(1).default(4000).describe("updates after which a cell is given up"),
  batchSize: option.batchSize("fresh sequences").default(50),
  learningRate: option.learningRate("Adam").default(0.01),
  validateEvery: z.int().min(1).default(100).meta({ description: "how often the held-out error is measured", unit: "steps" }),
});

/**
 * Data: the adding problem (Hochreiter and Schmidhuber 1997, experiment 4). At every step a number from 0 to 1, and a mark that is 1 once in each
 * half of the sequence and else 0; the two marked numbers are to be added. Inputs `[time, batch, 2]`, targets `[batch, 1]`.
 */
export function addingProblem(time: number, batch: number) {
  const half = Math.floor(time / 2);
  const at = (from: number, count: number) =>
    arange(time)
      .reshape([time, 1])
      .cast("float32")
      .equal(random.uniform([batch], 0, count).floor().add(from))
      .cast("float32");
  const marks = at(0, half).add(at(half, time - half));
  const numbers = random.uniform([time, batch]);
  return { x: stack([numbers, marks], { axis: 2 }), targets: numbers.mul(marks).sum({ axis: 0 }).reshape([batch, 1]) };
}

/** A cell, and what makes the sum of its last state. */
const makeAdder = (name: CellName, hiddenSize: number) => ({ cell: cells[name].make(2, hiddenSize), output: new nn.Linear(hiddenSize, 1) });

/** Why LSTM: how far the gradient reaches back in four cells, and what they learn from it. */
export const longMemory = defineExperiment({
  name: "long-memory",
  title: "Long memory: the gradient's way back through time, and the adding problem",
  chapter: "recurrent",
  options: schema,

  async run(context, options) {
    const { lags, networks, hiddenSize, steps, batchSize, validateEvery } = options;
    const { device } = context;
    const chosen = option.chosenOf(names, options.cells);
    const plotGradients = (name: string, title: string, series: Series[]) =>
      context.plot(name, { title, xLabel: "time lag (steps)", yLabel: "gradient's norm, last state = 1", logarithmic: true, series });
    const lagsOf = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

    // 1. The gradient in fresh networks: one call goes through all of them, drawing the next one's weights.
    const fresh: Series[] = [];
    for (const name of chosen) {
      seed(context.seed);
      const cell = cells[name].make(2, hiddenSize);
      const measure = compile(
        (network: Tensor) => {
          const norms = gradientByLag(cell, addingProblem(lags, batchSize).x);
          const bound = 1 / Math.sqrt(hiddenSize);
          for (const weight of cell.parameters()) if (weight.rank === 2) weight.assign(random.uniform(weight.shape, -bound, bound));
          return { network, logarithms: norms.log() };
        },
        { device },
      );
      const { logarithms } = await measure.many(arange(networks));
      // The geometric mean over the networks.
      const norms = await logarithms.mean({ axis: 0 }).exp().data();
      const y = Array.from(norms, Number).reverse();
      fresh.push({ name: cells[name].title, x: lagsOf(lags), y });
      context.record(0, { [`${name}/gradient`]: y.at(-1) as number });
      context.print(`${cells[name].title}: the gradient ${lags} steps back is ${y.at(-1)?.toExponential(1)} times as long`);
    }
    await plotGradients("gradient-fresh", `The gradient on its way back: ${networks} networks before training`, fresh);

    // 2. The adding problem: each cell at each length until it is solved, or the steps are used up.
    const rows: string[][] = [];
    for (const length of option.numbersIn(options.lengths)) {
      const errors: Series[] = [];
      const trained: Series[] = [];
      for (const name of chosen) {
        seed(context.seed);
        const heldOut = await compile(() => addingProblem(length, heldOutSize), { device })();
        const { cell, output } = makeAdder(name, hiddenSize);
        const optimizer = new optim.Adam([...cell.parameters(), ...output.parameters()], {
          learningRate: options.learningRate,
          clipGlobalNorm: 1,
        });
        const errorOf = ({ x, targets }: ReturnType<typeof addingProblem>) => output.forward(lastHidden(cell, x)).meanSquaredError(targets);
        const step = compile(
          () => {
            const loss = errorOf(addingProblem(length, batchSize));
            optimizer.minimize(loss);
            return { loss };
          },
          { training: true, device },
        );
        const measure = compile(errorOf, { device });

        // A checkpoint keeps the step at which the problem was solved; 0: not yet.
        const solved = { at: new Variable(zeros([]), { trainable: false }) };
        let done = 0;
        const { history, step: last } = await context.fit({
          ...context.part(`${name}-${length}`),
          state: { cell, output, optimizer, solved: { namedVariables: () => new Map(Object.entries(solved)) } },
          epochs: 1,
          steps,
          // A run that was interrupted passes over the steps that it has made, be the problem solved by then.
          async *batches() {
            for (let i = 0, at = 0; at === 0 || i < at; i++, at = await solved.at.item()) yield;
          },
          step: async (_batch, count, before) => {
            done = before + count;
            return step();
          },
          validateEvery,
          async validate() {
            const heldOutError = await (await measure(heldOut)).item();
            if (heldOutError < solvedBelow && (await solved.at.item()) === 0) await solved.at.assign(tensor(done));
            return { heldOutError };
          },
        });
        const measured = history.filter(({ heldOutError }) => heldOutError !== undefined);
        const y = measured.map(({ heldOutError }) => heldOutError as number);
        errors.push({ name: cells[name].title, x: measured.map(({ step }) => step), y });
        const [solvedAt, heldOutError] = [await solved.at.item(), y.at(-1) as number];
        context.record(last, { [`${name}-${length}/heldOutError`]: heldOutError, [`${name}-${length}/solvedAt`]: solvedAt });
        rows.push([cells[name].title, String(length), solvedAt > 0 ? `${solvedAt} steps` : `not in ${steps}`, heldOutError.toFixed(4)]);
        context.print((rows.at(-1) as string[]).join("   "), { event: "result", cell: name, length, solvedAt, heldOutError });
        const norms = await (await compile((x: Tensor) => gradientByLag(cell, x), { device })(heldOut.x)).data();
        trained.push({ name: cells[name].title, x: lagsOf(length), y: Array.from(norms, Number).reverse() });
      }
      const labels = { xLabel: "update", yLabel: `mean squared error of ${heldOutSize} held-out sequences` };
      await context.plot(`adding-${length}`, {
        title: `The adding problem, length ${length}`,
        ...labels,
        logarithmic: true,
        series: errors,
      });
      await plotGradients(`gradient-${length}`, `The gradient on its way back, after training at length ${length}`, trained);
    }

    // Report
    context.print(`\nsolved: mean squared error below ${solvedBelow} (always answering 1: 0.167)`);
    context.print(fittedTable(["cell", "length", "solved after", "held-out error"], rows));
  },

  predict: {
    text: 'numbers, two of them marked, such as "0.1 0.7* 0.4 0.2* 0.9"',
    async run(context, { hiddenSize, lengths }, text) {
      const words = text.trim().split(/\s+/);
      const numbers = words.map((word) => Number(word.replace(/\*$/, "")));
      const marks = words.map((word) => Number(word.endsWith("*")));
      const marked = numbers.filter((_, i) => marks[i] === 1);
      check(
        numbers.every((value) => value >= 0 && value <= 1) && marked.length === 2,
        () => `predict: got "${text}", expected numbers from 0 to 1, two of them marked, such as "0.1 0.7* 0.4 0.2* 0.9"`,
      );
      const x = tensor(numbers.map((value, i) => [[value, marks[i] as number]])); // [time, 1, 2]
      const sum = marked.reduce((total, value) => total + value, 0);
      const parts = new Map(lengths.split(",").flatMap((length) => names.map((name) => [`${name}-${length}`, { name, length }] as const)));
      const answers = [];
      for (const part of context.trained([...parts.keys()])) {
        const { name, length } = parts.get(part) as { name: CellName; length: string };
        const { cell, output } = makeAdder(name, hiddenSize);
        await context.restore({ cell, output }, "last", part);
        const answer = await output.forward(lastHidden(cell, x)).item();
        answers.push({ cell: name, length: Number(length), answer });
      }
      const rows = answers.map(({ cell, length, answer }) => [cells[cell].title, String(length), answer.toFixed(4)]);
      const record = { event: "prediction", numbers, marks, sum, answers };
      context.print(`${fittedTable(["cell", "learnt at length", "its sum"], rows)}\n\nthe sum: ${Number(sum.toFixed(10))}`, record);
    },
  },
});
