import { check, compile, metrics, nn, optim, random, seed, type Tensor } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { type Series, seriesOf } from "../plot/chart.js";
import { drawHeatMaps, type HeatMap } from "../plot/heatMap.js";
import { ConvolutionStack, type KindName, kinds, middlePlace, type Reach, reachOf, squaredSensitivity } from "./convolutionStack.js";
import { type Batch, batchOf, imagesOf, percent, readStudy, type Study, shuffledBatches, studyOptions, updatesAnEpoch } from "./study.js";

const names = Object.keys(kinds) as KindName[];

const schema = z.object({
  depths: option
    .listOf("[1-9]|[1-9]\\d", "integers from 1 to 99")
    .default("5,10,20,40")
    .describe("numbers of layers of the stacks, with commas"),
  kinds: option.namesOf(names, "stacks that are compared").default(names.join(",")),
  channels: z.int().min(1).max(512).default(16).describe("channels of each layer"),
  networks: z.int().min(1).default(20).describe("fresh networks of each stack that are averaged over"),
  ...studyOptions,
  heldOut: studyOptions.heldOut.default(1000),
  trainedDepth: z.int().min(1).max(99).default(13).describe("layers of the networks that are trained on pictures"),
  batchSize: option.batchSize("pictures").default(32),
  learningRate: option.cosineLearningRate().default(0.002),
  epochs: option.epochs("these pictures").default(3),
});
type Options = z.output<typeof schema>;

/** One stack as it was measured. */
interface Measured extends Reach {
  readonly kind: KindName;
  readonly depth: number;
  /** The side of the theoretical receptive field, in pixels. */
  readonly field: number;
  /** `[field][field]`: the derivative, 1 where it is largest. */
  readonly map: readonly (readonly number[])[];
}

/** What a network could see, and how much of it counts: Luo et al. 2016, Understanding the effective receptive field in deep networks. */
export const receptiveField = defineExperiment({
  name: "receptive-field",
  title: "Receptive fields: what a convolutional network could see, and how little of it counts",
  chapter: "vision",
  options: schema,

  async run(context, options) {
    await compareStacks(context, options);
    await watchTraining(context, options);
  },
});

/** 1. Stacks before training, at each depth. */
async function compareStacks(context: Context, options: Options): Promise<void> {
  const depths = option.numbersIn(options.depths);
  const chosen = option.chosenOf(names, options.kinds);
  const measured: Measured[] = [];
  for (const kind of chosen) {
    for (const depth of depths) {
      const result = await measure(context, options, kind, depth);
      const { map, ...figures } = result;
      measured.push(result);
      context.record(0, { [`${kind}-${depth}/side`]: figures.side, [`${kind}-${depth}/field`]: figures.field });
      context.print(`${kinds[kind].title}, ${depth} layers: sees ${figures.field} pixels, of which ${figures.side.toFixed(1)} count`, {
        event: "stack",
        ...figures,
      });
    }
  }
  const of = (kind: KindName) => measured.filter((each) => each.kind === kind);
  const curves = (value: (each: Measured) => number) =>
    chosen.map((kind) => ({ name: kinds[kind].title, x: of(kind).map(({ depth }) => Math.sqrt(depth)), y: of(kind).map(value) }));
  await context.plot("side", {
    title: "The effective receptive field grows with the square root of depth",
    xLabel: "square root of the number of layers",
    yLabel: "side of the effective field (pixels)",
    series: curves(({ side }) => side),
  });
  await context.plot("share", {
    title: "The share of the theoretical field that counts",
    xLabel: "square root of the number of layers",
    yLabel: "side of the effective field, the theoretical one = 1",
    series: curves(({ side, field }) => side / field),
  });
  for (const kind of chosen) await leaveMaps(context, `field-${kind}`, of(kind).map(titled));
  const rows = measured.map(({ kind, depth, field, side, deviation }) => [
    kinds[kind].title,
    String(depth),
    String(field),
    side.toFixed(1),
    (side / field).toFixed(2),
    deviation.toFixed(2),
  ]);
  const headings = ["stack", "layers", "sees (pixels)", "effective side", "share", "standard deviation"];
  context.print(`\n${fittedTable(headings, rows)}`);
  if (depths.length < 2) return;
  const exponents = chosen.map((kind) => ({
    kind,
    exponent: slope(
      of(kind).map(({ depth }) => Math.log(depth)),
      of(kind).map(({ side }) => Math.log(side)),
    ),
  }));
  const exponentRows = exponents.map(({ kind, exponent }) => [kinds[kind].title, exponent.toFixed(2)]);
  context.print(`\n${fittedTable(["stack", "the effective side grows with depth to the power of"], exponentRows)}`, {
    event: "exponents",
    exponents,
  });
}

async function measure(context: Context, { channels, networks }: Options, kind: KindName, depth: number): Promise<Measured> {
  seed(context.seed);
  const stack = new ConvolutionStack(kind, depth, channels);
  const field = stack.field();
  const squaresOf = compile(
    () => {
      stack.redraw();
      return squaredSensitivity(stack, random.normal([1, 1, field, field]));
    },
    { device: context.device },
  );
  const sums = new Float64Array(field * field);
  // Each network counts alike: one with larger derivatives throughout sees no more. One whose rectifiers are all off sees nothing.
  for (let network = 0; network < networks; network++) {
    const squares = await (await squaresOf()).data();
    const total = Array.from(squares, Number).reduce((sum, value) => sum + value, 0);
    if (total === 0) continue;
    sums.forEach((sum, i) => {
      sums[i] = sum + Number(squares[i]) / total;
    });
  }
  check(
    sums.some((sum) => sum > 0),
    () => `receptive-field: all rectifiers of ${depth} layers with ${channels} channels are off: raise --channels or --networks`,
  );
  await squaresOf.dispose();
  return { kind, depth, field, ...reachOf(sums, field), map: derivatives(sums, field) };
}

/** How a network tells a class from the last layer of a stack: from the mean of all places, or from what the place in the middle sees alone. */
const readouts = { mean: "mean of all places", middle: "the middle place alone" };
type Readout = keyof typeof readouts;

/** 2. Stacks with two readouts before, during and after training. */
async function watchTraining(context: Context, options: Options): Promise<void> {
  const maps: HeatMap[] = [];
  const curves: Series[] = [];
  const rows: string[][] = [];
  const pictures = await readStudy(context, options);
  for (const readout of Object.keys(readouts) as Readout[]) {
    const { field, before, after, history } = await train(context, options, readout, pictures);
    const side = pictures.heldOut.height;
    const reach = { before: reachOf(before.squares, side), after: reachOf(after.squares, side) };
    for (const [when, { squares }] of Object.entries({ before, after })) {
      maps.push({ title: `${readout}, ${when} training`, values: derivatives(squares, side), square: field });
    }
    curves.push(seriesOf([{ step: 0, side: reach.before.side }, ...history], "side", readouts[readout]));
    const { accuracy } = after;
    context.record(history.at(-1)?.step ?? 0, { [`${readout}/side`]: reach.after.side, [`${readout}/accuracy`]: accuracy });
    context.print(`${readouts[readout]}: ${percent(accuracy)} %`, { event: "trained", readout, field, accuracy, ...reach });
    const figures = [
      reach.before.side.toFixed(1),
      reach.after.side.toFixed(1),
      reach.before.deviation.toFixed(2),
      reach.after.deviation.toFixed(2),
    ];
    rows.push([readouts[readout], String(field), ...figures, percent(accuracy)]);
  }
  await leaveMaps(context, "field-trained", maps);
  await context.plot("training", {
    title: `${options.trainedDepth} layers in training: the field follows what the readout needs`,
    xLabel: "update",
    yLabel: "side of the effective field (pixels)",
    series: curves,
  });
  const headings = [
    "class read from",
    "sees",
    "side before",
    "after",
    "deviation before",
    "after",
    `% of ${options.heldOut} held-out pictures right`,
  ];
  context.print(`\n${fittedTable(headings, rows)}`);
}

async function train(context: Context, options: Options, readout: Readout, pictures: Study) {
  const { batchSize, epochs, channels } = options;
  const { device } = context;
  const side = pictures.heldOut.height;
  const perEpoch = updatesAnEpoch(pictures.train, batchSize);

  seed(context.seed);
  const stack = new ConvolutionStack("relu", options.trainedDepth, channels, true);
  const head = new nn.Linear(channels, 10);
  const logitsOf = (bytes: Tensor) => {
    const last = stack.forward(imagesOf(bytes));
    return head.forward(readout === "mean" ? last.mean({ axis: [2, 3] }) : middlePlace(last).reshape([-1, channels]));
  };
  const optimizer = new optim.Adam([...stack.parameters(), ...head.parameters()], {
    learningRate: optim.cosine(options.learningRate, epochs * perEpoch),
  });
  const step = compile(
    ({ bytes, labels }: Batch) => {
      const loss = logitsOf(bytes).crossEntropy(labels);
      optimizer.minimize(loss);
      return { loss };
    },
    { training: true, device },
  );
  const judge = compile(
    ({ bytes, labels }: Batch) => ({
      accuracy: metrics.accuracy(logitsOf(bytes), labels),
      squares: squaredSensitivity(stack, imagesOf(bytes)),
    }),
    { device },
  );
  const measureNow = async () => {
    const { accuracy, squares } = await judge(batchOf(pictures.heldOut));
    return { accuracy: await accuracy.item(), squares: (await squares.data()) as Float32Array };
  };

  const before = await measureNow();
  const { history } = await context.fit<Batch>({
    ...context.part(`trained-${readout}`),
    state: { stack, head, optimizer },
    epochs,
    batches: (epoch) => shuffledBatches(pictures.train, { batchSize, seed: context.seed, epoch }),
    step,
    async validate() {
      const { accuracy, squares } = await measureNow();
      return { accuracy, ...reachOf(squares, side) };
    },
  });
  const after = await measureNow();
  await Promise.all([step.dispose(), judge.dispose()]);
  return { field: stack.field(), before, after, history };
}

/** The root of squares in rows, 1 where it is largest. */
function derivatives(squares: ArrayLike<number>, side: number): number[][] {
  const roots = Array.from(squares, Math.sqrt);
  const largest = roots.reduce((most, value) => Math.max(most, value), 0);
  return Array.from({ length: side }, (_, row) => roots.slice(row * side, (row + 1) * side).map((value) => value / largest));
}

const titled = ({ depth, field, map, side }: Measured): HeatMap => ({
  title: `${depth} layers: ${side.toFixed(1)} of ${field}`,
  values: map,
  square: field,
});

/** Leaves maps in one row, in frames of one size, so that they have one scale. */
async function leaveMaps(context: Context, name: string, maps: readonly HeatMap[]): Promise<void> {
  const frame = Math.max(...maps.map(({ values }) => values.length));
  const framed = maps.map(({ values, ...rest }) => {
    const margin = (frame - values.length) / 2;
    const at = (i: number, j: number) => values[i - margin]?.[j - margin] ?? 0;
    return { ...rest, values: Array.from({ length: frame }, (_, i) => Array.from({ length: frame }, (_, j) => at(i, j))) };
  });
  await files.writeAtomically(context.folder.file(`${name}.svg`), drawHeatMaps(framed, framed.length));
}

/** The slope of the line through points with the least squared error. */
function slope(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [centreX, centreY] = [mean(x), mean(y)];
  const products = x.map((value, i) => (value - centreX) * ((y[i] as number) - centreY));
  return mean(products) / mean(x.map((value) => (value - centreX) ** 2));
}
