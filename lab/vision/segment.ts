import { check, compile, models, optim, type Tensor } from "kasane";
import { datasets, exportOnnx, files } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { seriesOf } from "../plot/chart.js";
import { AugmentedAhead, workers } from "./augmentedAhead.js";
import { loadSize, saveSize } from "./learntSize.js";
import { oneCycle } from "./oneCycle.js";
import { nothing, roadClasses, scenesFile } from "./roadScenes.js";
import * as roads from "./sceneAugmentation.js";
import { type Batch, batchOf, judge, logitsOf, lossOf, segmentBy } from "./segmentation.js";
import { drawScenes, segmentFiles } from "./segmentPictures.js";

const schema = z.object({
  scenes: option.fixed(
    option
      .path(
        z
          .string()
          .min(1)
          .describe(`a folder or a .tar.gz with train/, trainannot/, val/ and so on (default: ${scenesFile} among the datasets)`),
      )
      .optional(),
  ),
  network: z.enum(["unet", "enet"]).default("unet").describe("the network"),
  width: z.int().min(16).max(256).multipleOf(4).default(32).meta({ description: "channels of its first level", unit: "channels" }),
  levels: z.int().min(1).max(5).default(5).describe("how many sizes a U-Net has"),
  weights: z.enum(["none", "median", "logarithm"]).default("none").describe("how rare classes are made to count more in the cross entropy"),
  lovasz: z.number().min(0).default(1).describe("how much the Lovász extension of the intersection over union counts beside it"),
  batchSize: option.batchSize("scenes").default(8),
  learningRate: option.learningRate("Adam at its highest").default(0.003),
  weightDecay: z.number().min(0).max(1).default(0.02).describe("share of the weights that a step at a rate of 1 would take away"),
  epochs: option.epochs("the training scenes").default(80),
  validateEvery: option.validateEvery("scenes").default(5),
  workers: workers(),
  part: option.judgedPart("scenes"),
});
type Options = z.output<typeof schema>;

/** Channels of a U-Net's lowest levels, as a multiple of its first's. */
const mostWidths = 6;

const modelOf = ({ network, width, levels }: Options): models.SegmentationNetwork =>
  network === "unet"
    ? new models.UNet({ classes: roadClasses.length, width, levels, mostChannels: mostWidths * width, dropout: 0.1 })
    : new models.ENet({ classes: roadClasses.length, width });

/** Averages of the weights over about the last 300 steps, which are judged by and kept. */
const averageOf = (model: models.SegmentationNetwork) => new optim.WeightAverage(model, { decay: 0.997, warmUp: true });

/** Learns what each pixel of a road scene belongs to. */
export const segment = defineExperiment({
  name: "segment",
  title: "Segmentation: what each pixel of a road scene belongs to",
  chapter: "vision",
  options: option.usedOnly(schema, { names: ["levels"], when: ({ network }) => network === "unet", needs: "--network unet" }),

  async run(context, options) {
    const { batchSize, learningRate, weightDecay, epochs, part } = options;
    const { device, seed } = context;

    // Data
    const dataset = datasets.readSegmented(options.scenes ?? context.dataFile(scenesFile), roadClasses.length, nothing);
    const { train, val } = dataset;
    const { height, width } = (train[0] as datasets.SegmentationSample).picture;
    const perEpoch = Math.floor(train.length / batchSize);
    check(perEpoch > 0, () => `--batch-size ${batchSize}: there are ${train.length} training scenes: lower it`);
    const batches = new AugmentedAhead(roads, { samples: train, size: [height, width], seed, batchSize, workers: options.workers });

    await saveSize(context, { width, height });

    // Model
    const model = modelOf(options);
    const optimizer = new optim.AdamW(model, {
      learningRate: oneCycle(learningRate, epochs * perEpoch, 0.1),
      weightDecay,
      groups: [{ where: optim.isBiasOrNorm, weightDecay: 0 }],
    });
    const average = averageOf(model);
    context.print(`${model.parameterCount()} parameters, ${train.length} scenes of ${width}x${height}, ${perEpoch} steps an epoch`);

    // Step
    const lossOfBatch = lossOf(train, options);
    const step = compile(
      ({ pixels, mask }: Batch) => {
        const loss = lossOfBatch(logitsOf(model, pixels), mask);
        optimizer.minimize(loss);
        average.update();
        return { loss };
      },
      { training: true, device },
    );

    // Loop
    const byAverage = segmentBy(model, device, average);
    const pictures = val.map(({ picture }) => picture);
    const { history, step: last } = await batches.during(() =>
      context.fit<Batch>({
        state: { model, optimizer, average },
        epochs,
        async *batches(epoch) {
          for await (const samples of batches.of(epoch)) yield batchOf(samples);
        },
        step,
        recordEvery: perEpoch,
        on: { record: ({ step: at, loss }) => context.print(`epoch ${Math.round(at / perEpoch)}: loss ${loss?.toFixed(4)}`) },
        validate: async () => judge(val, await byAverage(pictures)).figures,
        validateEvery: options.validateEvery * perEpoch,
        best: { metric: "meanIou", mode: "max", restore: true },
      }),
    );
    batches.report(context);
    await average.swap();

    // Report
    const judged = dataset[part];
    const told = await segmentBy(model, device)(judged.map(({ picture }) => picture));
    const { confusion, figures } = judge(judged, told);
    context.record(last, { [`${part} mean IoU`]: figures.meanIou, [`${part} pixel accuracy`]: figures.pixelAccuracy });
    const rows = roadClasses.map(({ name }, c) => [
      name,
      percent(confusion.iou(c)),
      percent(confusion.recall(c)),
      percent(confusion.precision(c)),
    ]);
    context.print(
      `\n${fittedTable(["class", "IoU", "recall", "precision"], rows)}\n${part} scenes: mean IoU ${percent(figures.meanIou)}, ` +
        `${percent(figures.pixelAccuracy)} of the pixels right`,
      { event: part, ...figures, iou: Object.fromEntries(roadClasses.map(({ name }, c) => [name, confusion.iou(c)])) },
    );
    await context.plot("mean-iou", {
      title: "Mean intersection over union of the validation scenes",
      xLabel: "steps",
      yLabel: "mean IoU",
      series: [seriesOf(history, "meanIou", "validation")],
    });
    await files.writeAtomically(context.folder.file("scenes.png"), drawScenes(judged, told));
    await exportOnnx(
      (pixels: Tensor) => ({ logits: logitsOf(model, pixels) }),
      { pixels: { shape: ["batch", 3, height, width], dtype: "uint8" } },
      context.folder.file("segmenter.onnx"),
    );
  },

  predict: {
    text: 'an image file of a road, or a folder of them, such as "road.jpg"',

    async run(context, options, text) {
      const model = modelOf(options);
      const average = averageOf(model);
      await context.restore({ model, average }, "best");
      await average.swap();
      await segmentFiles(context, segmentBy(model, context.device), loadSize(context), text);
    },
  },
});

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
