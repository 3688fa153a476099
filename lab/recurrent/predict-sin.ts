import {
  check,
  compile,
  concat,
  type Device,
  data,
  meanSquaredError,
  nn,
  optim,
  scan,
  slice,
  type Tensor,
  tensor,
  unsqueeze,
  zeros,
} from "kasane";
import { exportOnnx } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";

/** The curve: the number of its points, and its end in radians; it begins at 0. */
const points = 500;
const end = 10 * Math.PI;
/** How far the network goes on by itself. */
const generatedSteps = 200;

const schema = z.object({
  maxlen: option.fixed(
    z.int().min(1).max(100).default(2).meta({ description: "length of the windows that the next point follows", unit: "points" }),
  ),
  iters: z.int().min(1).default(500).describe("how often all training windows are gone through, with an update after each window"),
  hiddenSize: option.hiddenSize().default(5),
  learningRate: option.learningRate("the gradient descent").default(0.1),
  initScale: z.number().positive().default(0.01).describe("standard deviation of the first weights"),
});

// Model: a window of the curve in, the next point out. No biases.
class Predictor extends nn.Module {
  readonly recurrent: nn.Rnn;
  readonly output: nn.Linear;

  constructor({ hiddenSize, initScale }: z.output<typeof schema>) {
    super();
    const weights = { bias: false, weightInitialiser: nn.init.normal(0, initScale) };
    this.recurrent = new nn.Rnn(1, hiddenSize, weights);
    this.output = new nn.Linear(hiddenSize, 1, weights);
  }

  /** `[maxlen, batch, 1]` to `[batch, 1]`. */
  forward(windows: Tensor): Tensor {
    const { hidden } = this.recurrent.forward(windows).state;
    return this.output.forward(hidden.reshape([-1, this.recurrent.hiddenSize]));
  }
}

/** Predicts a sine curve from its last points, and then from its own predictions, as the report's second recurrent experiment does. */
export const predictSin = defineExperiment({
  name: "predict-sin",
  title: "Sine prediction: a recurrent network learns a curve's next point, then draws it by itself",
  chapter: "recurrent",
  options: schema,
  presets: { "iters-100": { iters: 100 }, "maxlen-5": { maxlen: 5 }, "maxlen-5-iters-3000": { maxlen: 5, iters: 3000 } },

  async run(context, options) {
    const { maxlen, iters, learningRate } = options;
    const { device, seed } = context;

    // Data: every window of the curve with the point after it, in random order; four of five are trained on.
    const times = Array.from({ length: points }, (_, i) => (end * i) / (points - 1));
    const curve = times.map(Math.sin);
    const order = [...data.shuffledIndices(points - maxlen, seed, 0)];
    const trainCount = Math.floor(0.8 * order.length);
    const windowAt = (start: number) => curve.slice(start, start + maxlen).map((value) => [[value]]);
    const targetAt = (start: number) => curve[start + maxlen] as number;
    const windowsOf = (starts: number[]) => tensor(starts.map(windowAt)); // [samples, maxlen, 1, 1]
    const [trained, tested] = [order.slice(0, trainCount), order.slice(trainCount)];
    const train = { windows: windowsOf(trained), targets: tensor(trained.map((start) => [[targetAt(start)]])) };

    const model = new Predictor(options);
    const optimizer = new optim.Sgd(model, { learningRate });

    // Step: plain gradient descent on half the squared error of one window. It returns the prediction; the loss follows from that.
    const step = compile(
      ({ windows, targets }: typeof train) => {
        const predictions = model.forward(windows);
        optimizer.minimize(meanSquaredError(predictions, targets).mul(0.5));
        return predictions;
      },
      { training: true, device },
    );
    const rowsOf = async (starts: number[], predictions: Tensor) => {
      const values = await predictions.data();
      return starts.map((start, i) => {
        const [target, prediction] = [targetAt(start), Number(values[i])];
        return { loss: (prediction - target) ** 2 / 2, target, prediction };
      });
    };

    // Loop: one call goes through all training windows.
    await context.fit({
      state: { model, optimizer },
      steps: iters * trainCount,
      recordEvery: trainCount,
      stepsPerCall: () => trainCount,
      step: async () => ({ loss: mean((await rowsOf(trained, await step.many(train))).map(({ loss }) => loss)) }),
    });

    // Report: the test windows, then the curve that the network draws when its predictions are its next inputs.
    const predict = compile((window: Tensor) => model.forward(window), { device });
    const rows = await rowsOf(tested, await predict.many(windowsOf(tested)));
    for (const row of rows) {
      const [d, y] = [row.target, row.prediction].map((value) => value.toFixed(8).padStart(11));
      context.print(`loss: ${row.loss.toExponential(6)}   d: ${d}   y: ${y}`, { event: "test", ...row });
    }
    const generated = await drawOn(model, curve.slice(0, maxlen), generatedSteps, device);
    await context.plot("generated", {
      title: `sin t, and what the network makes of its first ${maxlen} points`,
      xLabel: "t (radians)",
      yLabel: "amplitude",
      series: [
        { name: "true", x: times.slice(0, maxlen + generatedSteps), y: curve },
        { name: "generated", x: times.slice(maxlen), y: generated },
      ],
    });
    const squares = generated.map((value, i) => (value - (curve[maxlen + i] as number)) ** 2);
    const figures = { testLoss: mean(rows.map(({ loss }) => loss)), generatedError: Math.sqrt(mean(squares)) };
    context.record(iters * trainCount, figures);
    context.print(
      `\nmean loss of the ${tested.length} test windows: ${figures.testLoss.toExponential(3)}\n` +
        `error of the ${generatedSteps} generated points: ${figures.generatedError.toPrecision(3)} (root mean square)`,
    );
    await exportOnnx(model, { windows: { shape: [maxlen, "batch", 1] } }, context.folder.file("model.onnx"));
  },

  predict: {
    text: 'as many points of a curve as --maxlen says, such as "0 0.063"',
    options: z.object({ points: z.int().min(1).max(100_000).default(10).describe("points that are drawn after these") }),

    async run(context, options, text, flags) {
      const { maxlen } = options;
      const window = text
        .trim()
        .split(/[\s,]+/)
        .map(Number);
      check(
        window.length === maxlen && window.every(Number.isFinite),
        () => `predict: got "${text}", expected ${maxlen} ${maxlen === 1 ? "number" : "numbers"} with spaces between them`,
      );
      const model = new Predictor(options);
      await context.restore({ model });
      const points = await drawOn(model, window, flags.points as number, context.device);
      context.print(points.map((value) => value.toFixed(6)).join("\n"), { event: "prediction", window, points });
    },
  },
});

/** The points that the network predicts after a window. Each is the last of the next input. */
async function drawOn(model: Predictor, window: readonly number[], steps: number, device: Device): Promise<number[]> {
  const draw = compile(
    (first: Tensor) => {
      const step = (points: Tensor) => {
        const next = model.forward(points);
        return { carry: concat([slice(points, [[1]]), unsqueeze(next, { axis: 0 })]), outputs: next };
      };
      return scan(step, first, zeros([steps])).outputs;
    },
    { device },
  );
  const drawn = await draw(tensor(window.map((value) => [[value]])));
  return Array.from(await drawn.data(), Number);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
