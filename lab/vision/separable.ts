import { check, compile, nn, optim, relu, seed, type Tensor } from "kasane";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { part } from "../generative/pictures.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import type { Series } from "../plot/chart.js";
import { oneCycle } from "./oneCycle.js";
import { batchOf, imagesOf, percent, readStudy, type Study, studyOptions, trainStudy, updatesAnEpoch } from "./study.js";

const schema = z.object({
  ...studyOptions,
  widths: option
    .listOf("[1-9]\\d{0,2}", "integers from 1 to 999")
    .default("16,32,48")
    .describe("channels of the first convolution, with commas; the last ones have four times as many"),
  batchSize: option.batchSize("pictures").default(64),
  learningRate: option.learningRate("gradient descent at its highest").default(0.05),
  epochs: option.epochs("the training pictures").default(3),
  timedPictures: z.int().min(1).max(1000).default(32).describe("pictures that are told at once where time is measured"),
  rounds: z.int().min(1).default(15).describe("rounds in which each network is timed once; their median counts"),
});
type Options = z.output<typeof schema>;

/** What stands in the place of each 3x3 convolution but the first. */
const kinds = {
  standard: "standard",
  separable: "depthwise separable",
};
type Kind = keyof typeof kinds;
const names = Object.keys(kinds) as Kind[];

/** A convolution without bias, normalisation and ReLU. */
const unit = (inputs: number, outputs: number, kernel: number, stride = 1, groups = 1): nn.Layer[] => [
  new nn.Conv2d(inputs, outputs, kernel, {
    stride,
    groups,
    padding: (kernel - 1) / 2,
    bias: false,
    weightInitialiser: nn.init.heNormal(),
  }),
  new nn.BatchNorm2d(outputs),
  (x: Tensor) => relu(x),
];

/** A 3x3 convolution, or one of each channel by itself and then one of 1x1 (Howard et al. 2017, MobileNets, figure 3). */
const block = (kind: Kind, inputs: number, outputs: number, stride: number): nn.Layer[] =>
  kind === "standard" ? unit(inputs, outputs, 3, stride) : [...unit(inputs, inputs, 3, stride, inputs), ...unit(inputs, outputs, 1)];

/** A network of seven 3x3 convolutions in three sizes, 28x28, 14x14 and 7x7, of one kind. */
export function networkOf(kind: Kind, width: number): nn.Sequential {
  const sizes = [
    [width, width, 1],
    [width, 2 * width, 2],
    [2 * width, 2 * width, 1],
    [2 * width, 4 * width, 2],
    [4 * width, 4 * width, 1],
    [4 * width, 4 * width, 1],
  ] as const;
  const blocks = sizes.flatMap(([inputs, outputs, stride]) => block(kind, inputs, outputs, stride));
  return new nn.Sequential(...unit(1, width, 3), ...blocks, (x) => x.mean({ axis: [2, 3] }), new nn.Linear(4 * width, 10));
}

/** What depthwise separable convolutions save, in arithmetic, in parameters and in time, and what they cost in accuracy. */
export const separable = defineExperiment({
  name: "separable",
  title: "Separable convolutions: less arithmetic, fewer parameters, and how much less time",
  chapter: "vision",
  options: schema,

  async run(context, options) {
    const widths = option.numbersIn(options.widths);
    const pictures = await readStudy(context, options);
    check(
      options.timedPictures <= options.heldOut,
      () => `--timed-pictures ${options.timedPictures}: expected at most --held-out ${options.heldOut}`,
    );
    const networks = [];
    for (const width of widths) {
      for (const kind of names) networks.push(await train(context, options, kind, width, pictures));
    }
    const milliseconds = await timesOf(
      context,
      options,
      networks.map(({ model }) => model),
      pictures,
    );

    // Report
    const rows: string[][] = [];
    const points = new Map<Kind, { x: number[]; y: number[]; time: number[] }>(names.map((kind) => [kind, { x: [], y: [], time: [] }]));
    for (const [i, { kind, width, parameters, multiplyAdds, heldOutAccuracy }] of networks.entries()) {
      const time = milliseconds[i] as number;
      const of = points.get(kind);
      of?.x.push(multiplyAdds / 1e6);
      of?.time.push(time);
      of?.y.push(100 * heldOutAccuracy);
      context.record(0, {
        [`${kind}-${width}/multiplyAdds`]: multiplyAdds,
        [`${kind}-${width}/parameters`]: parameters,
        [`${kind}-${width}/heldOutAccuracy`]: heldOutAccuracy,
      });
      rows.push([
        ...[String(width), kinds[kind], (multiplyAdds / 1e6).toFixed(2), parameters.toLocaleString("en-US")],
        ...[time.toFixed(2), ((2 * multiplyAdds * options.timedPictures) / (1e6 * time)).toFixed(1), percent(heldOutAccuracy)],
      ]);
      const figures = { kind, width, parameters, multiplyAdds, milliseconds: time, heldOutAccuracy };
      context.print((rows.at(-1) as string[]).join("   "), { event: "network", ...figures });
    }
    const headings = [
      ...[
        "width",
        "convolutions",
        "multiply-adds (M)",
        "parameters",
        `ms of the processor for ${options.timedPictures} pictures`,
        "GFLOP/s",
      ],
      "right of held-out (%)",
    ];
    context.print(`\n${fittedTable(headings, rows)}`);
    const seriesBy = (x: "x" | "time"): Series[] =>
      names.map((kind) => ({ name: kinds[kind], x: points.get(kind)?.[x] ?? [], y: points.get(kind)?.y ?? [] }));
    const yLabel = "held-out pictures told right (%)";
    await context.plot("arithmetic", {
      title: "Accuracy by arithmetic",
      xLabel: "multiply-adds a picture (millions)",
      yLabel,
      series: seriesBy("x"),
    });
    const xLabel = `forward pass of ${options.timedPictures} pictures (ms of the processor)`;
    await context.plot("time", { title: "Accuracy by time", xLabel, yLabel, series: seriesBy("time") });
  },
});

async function train(context: Context, options: Options, kind: Kind, width: number, pictures: Study) {
  const { batchSize, epochs, learningRate } = options;
  seed(context.seed);
  const model = networkOf(kind, width);
  const { parameters, multiplyAdds } = nn.summarize(model, [1, 1, pictures.train.height, pictures.train.width]);
  const total = epochs * updatesAnEpoch(pictures.train, batchSize);
  const { heldOutAccuracy } = await trainStudy(context, {
    name: `${kind}-${width}`,
    model,
    logits: (bytes) => model.forward(imagesOf(bytes)),
    optimizer: new optim.Sgd(model, { learningRate: oneCycle(learningRate, total, 0.2), momentum: 0.9, nesterov: true }),
    ...{ ...pictures, batchSize, epochs },
  });
  context.print(`width ${width}, ${kinds[kind]}: ${percent(heldOutAccuracy)} % of the held-out pictures are told right`);
  return { kind, width, model, parameters, multiplyAdds, heldOutAccuracy };
}

/**
 * The median of the processor's milliseconds that a forward pass of each network takes. Rounds alternate, so that whatever slows the machine slows all
 * networks; waiting for other programs does not count.
 */
async function timesOf(context: Context, { timedPictures, rounds }: Options, models: readonly nn.Sequential[], { heldOut }: Study) {
  const { bytes } = batchOf(part(heldOut, 0, timedPictures));
  const images = imagesOf(bytes);
  await images.data();
  const forwards = models.map((model) => compile((x: Tensor) => model.forward(x), { device: context.device }));
  const times = models.map((): number[] => []);
  // A compiled function makes its weights constants after some calls with the same ones, small networks after more: then it is as it would be served.
  const warmUpRounds = 50;
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const [i, forward] of forwards.entries()) {
      const start = process.cpuUsage();
      await (await forward(images)).data();
      const { user, system } = process.cpuUsage(start);
      if (round >= 0) times[i]?.push((user + system) / 1000);
    }
  }
  await Promise.all(forwards.map((forward) => forward.dispose()));
  return times.map((each) => each.sort((a, b) => a - b)[Math.floor(each.length / 2)] as number);
}
