import { arange, check, compile, type Device, grad, nn, optim, random, stack, type Tensor, tensor } from "kasane";
import { exportOnnx } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { seriesOf } from "../plot/chart.js";
import { gradientGrowth } from "./gradientGrowth.js";

/** A growth of the gradient through time far above that of the settings which learn to add (docs/experiments/binary-addition.md). */
const explosion = 100;

const settings = z.object({
  iterations: z.int().min(1).default(10_000).meta({ description: "how many updates, each on a fresh pair of numbers" }),
  plotInterval: z.int().min(1).max(1_000_000).default(100).meta({ description: "how often the loss is reported", unit: "iterations" }),
  bits: z.int().min(2).max(10).default(8).meta({ description: "length of the numbers; the addends leave the highest bit free" }),
  hiddenSize: option.hiddenSize().default(16),
  learningRate: option.learningRate("the gradient descent").default(0.1),
  init: z.enum(["normal", "xavier", "he"]).default("normal").meta({ description: "distribution of the first weights" }),
  initScale: z.number().positive().default(1).meta({ description: "factor on the first weights' deviation" }),
  activation: z.enum(["sigmoid", "tanh", "relu"]).default("sigmoid").meta({ description: "of the hidden state of an rnn" }),
  cell: option.cell().default("rnn"),
});
const hasChoice = ({ cell, activation }: z.output<typeof settings>) => cell === "rnn" || activation === "sigmoid";
const schema = settings.refine(hasChoice, { path: ["activation"], message: "only --cell rnn has a choice of it" });
type Options = z.output<typeof schema>;

// Data: integers as bits, the least significant first, as one adds by hand: [batch, n] to [bits, batch, n].
const toBits = (numbers: Tensor, bits: number): Tensor =>
  numbers
    .div(tensor(2).pow(arange(bits)).reshape([bits, 1, 1]))
    .floor()
    .mod(2);
const sumOf = (addends: Tensor): Tensor => addends.sum({ axis: -1, keepDims: true });

// Model: at every step two bits in, one bit of the sum out; what is carried over is in the hidden state. No biases.
class Adder extends nn.Module {
  readonly recurrent: nn.Rnn | nn.Lstm | nn.Gru;
  readonly output: nn.Linear;

  constructor({ hiddenSize, init, initScale, activation, cell }: Options) {
    super();
    const initialisers = {
      normal: nn.init.normal(0, initScale),
      xavier: nn.init.xavierNormal(initScale),
      he: nn.init.heNormal(initScale * Math.SQRT2),
    };
    const weights = { bias: false, weightInitialiser: initialisers[init] };
    if (cell === "rnn") this.recurrent = new nn.Rnn(2, hiddenSize, { ...weights, activation });
    else this.recurrent = new { lstm: nn.Lstm, gru: nn.Gru }[cell](2, hiddenSize, weights);
    this.output = new nn.Linear(hiddenSize, 1, weights);
  }

  /** `[bits, batch, 2]` to `[bits, batch, 1]`: how probable it is that each bit of the sum is 1. */
  forward(bits: Tensor): Tensor {
    return this.output.forward(this.recurrent.forward(bits).outputs).sigmoid();
  }
}

/** Adds two numbers by bits and reports how it learns, as the report's first experiment does. */
export const binaryAddition = defineExperiment({
  name: "binary-addition",
  title: "Binary addition: a recurrent network learns to add two numbers bit by bit",
  chapter: "recurrent",
  options: schema,

  async run(context, options) {
    const { iterations, plotInterval, bits, learningRate } = options;
    const model = new Adder(options);
    const optimizer = new optim.Sgd(model, { learningRate });

    // Step: half the squared error, summed over the bits of one random pair, and plain gradient descent on it.
    const step = compile(
      (iteration: Tensor) => {
        const addends = random.uniform([1, 2], 0, 2 ** (bits - 1)).floor();
        const sum = toBits(sumOf(addends), bits);
        const predicted = model.forward(toBits(addends, bits));
        const loss = predicted.meanSquaredError(sum, { reduction: "sum" }).mul(0.5);
        optimizer.minimize(loss);
        return { iteration, addends, sum, predicted, loss, gradientNorm: optim.globalNorm(grad(loss, optimizer.parameters)) };
      },
      { training: true, device: context.device },
    );

    const growthOf = compile((addends: Tensor) => gradientGrowth(model.recurrent, model.output, toBits(addends, bits)));

    // Loop: one call makes all steps up to the next report.
    const { history } = await context.fit({
      state: { model, optimizer },
      steps: iterations,
      recordEvery: plotInterval,
      stepsPerCall: (done) => Math.min(plotInterval - (done % plotInterval), iterations - done),
      step: async (_, count, done) => {
        const { loss, gradientNorm, ...pairs } = await step.many(arange(count));
        const [last = Number.NaN] = await tail(loss, 1);
        const largest = (await tail(gradientNorm, count)).reduce((most, norm) => Math.max(most, norm));
        const growth = await (await growthOf(pairs.addends.reshape([count, 2]))).item();
        const verdict = `${Number(growth.toPrecision(3))} times as long ${bits} steps back${growth > explosion ? ": it explodes" : ""}`;
        context.print(`iteration ${done + count}\nLoss: ${last}\nGradient norm: at most ${largest.toPrecision(4)}; ${verdict}`);
        context.print(`${await describePair(pairs, bits)}\n------------`);
        return { loss: last, gradientNorm: largest, gradientGrowth: growth };
      },
    });

    // Report
    const labels = { title: `Adding ${bits}-bit numbers`, xLabel: "iteration", yLabel: "half the squared error, summed over the bits" };
    await context.plot("loss", { ...labels, series: [seriesOf(history, "loss")] });
    const exact = await shareAddedExactly(model, bits, context.device);
    context.record(iterations, { exact });
    const pairs = 4 ** (bits - 1);
    context.print(`\nadded exactly: ${Math.round(exact * pairs)} of all ${pairs} pairs (${(100 * exact).toFixed(2)}%)`);
    await exportOnnx(model, { bits: { shape: [bits, "batch", 2] } }, context.folder.file("model.onnx"));
  },

  predict: {
    text: 'two numbers, such as "77 + 81"',
    async run(context, options, text) {
      const { bits } = options;
      const [a = Number.NaN, b = Number.NaN] = (/^\s*(\d+)\s*\+\s*(\d+)\s*$/.exec(text)?.slice(1) ?? []).map(Number);
      const largest = 2 ** (bits - 1) - 1;
      check(Math.max(a, b) <= largest, () => `predict: got "${text}", expected two integers up to ${largest}, such as "77 + 81"`);
      const model = new Adder(options);
      await context.restore({ model });
      const addends = tensor([[a, b]]);
      const predicted = await tail(model.forward(toBits(addends, bits)).round(), bits);
      context.print(`${a} + ${b} = ${valueOf(predicted)}`, { a, b, sum: valueOf(predicted) });
    },
  },
});

/** The last `count` numbers of `x`. */
const tail = async (x: Tensor, count: number): Promise<number[]> => Array.from((await x.data()).slice(-count), Number);

/** Bits as a number; the least significant comes first. */
const valueOf = (bits: readonly number[]): number => bits.reduce((sum, bit, place) => sum + bit * 2 ** place, 0);

/** The last of several pairs in the report's manner, with the bits as they are written. */
async function describePair({ addends, sum, predicted }: Record<"addends" | "sum" | "predicted", Tensor>, bits: number): Promise<string> {
  const [a, b] = await tail(addends, 2);
  const given = (await tail(predicted, bits)).map(Math.round);
  const written = (values: number[]) => `[${values.toReversed().join(" ")}]`;
  return `Pred: ${written(given)}\nTrue: ${written(await tail(sum, bits))}\n${a} + ${b} = ${valueOf(given)}`;
}

/** The share of all pairs of addends whose sum the model gives in every bit, computed in one batch. */
async function shareAddedExactly(model: Adder, bits: number, device: Device): Promise<number> {
  const count = 2 ** (bits - 1);
  const evaluate = compile(
    (pair: Tensor) => {
      const addends = stack([pair.floorDiv(count), pair.mod(count)], { axis: 1 });
      const right = model
        .forward(toBits(addends, bits))
        .round()
        .equal(toBits(sumOf(addends), bits));
      return right.all({ axis: 0 }).cast("float32").mean();
    },
    { device },
  );
  return (await evaluate(arange(count ** 2).cast("float32"))).item();
}
