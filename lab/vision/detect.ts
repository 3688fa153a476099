import { check, compile, models, nn, optim, type Tensor } from "kasane";
import { datasets, exportOnnx } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { seriesOf } from "../plot/chart.js";
import { AugmentedAhead, workers } from "./augmentedAhead.js";
import * as cells from "./cellAugmentation.js";
import {
  averageOf,
  batchOf,
  type DetectionBatch,
  type Detector,
  detectAll,
  figuresOf,
  findIn,
  findResized,
  inputOf,
  shownFigures,
  truthsOf,
} from "./detection.js";
import { drawBoxed, drawJudgement, shownScore } from "./detectionPictures.js";
import { loadSize, saveSize } from "./learntSize.js";
import { oneCycle } from "./oneCycle.js";
import { picturesIn } from "./picturesIn.js";

const schema = z.object({
  stages: z
    .enum(["1", "2"])
    .default("1")
    .describe("1: boxes and classes at each place of a map; 2: boxes are proposed, then looked at one by one"),
  images: option.fixed(
    option
      .path(z.string().min(1).describe("a folder or a .tar.gz in the form of Pascal VOC (default: bccd-320x240.tar.gz among the datasets)"))
      .optional(),
  ),
  classes: option.fixed(
    option
      .listOf("[^,]{1,40}", "names of classes")
      .default("RBC,WBC,Platelets")
      .describe("names of the classes, as annotations have them, with commas between them"),
  ),
  width: z.int().min(4).max(128).multipleOf(4).default(16).meta({ description: "channels of the first convolution", unit: "channels" }),
  crop: z
    .int()
    .min(32)
    .max(1024)
    .multipleOf(8)
    .default(240)
    .meta({ description: "side of the parts of pictures that are trained on", unit: "pixels" }),
  batchSize: option.batchSize("pictures").default(4),
  learningRate: option.learningRate("Adam at its highest").default(0.002),
  weightDecay: z.number().min(0).max(1).default(0.05).describe("share of the weights, times the step size, taken off in a step"),
  epochs: option.epochs("the training pictures").default(120),
  validateEvery: option.validateEvery("pictures").default(5),
  workers: workers(),
  part: option.judgedPart("pictures"),
});
type Options = z.output<typeof schema>;

function modelOf({ stages, classes, width }: Options): Detector {
  const settings = { classes: classes.split(",").length, width };
  return stages === "1" ? new models.OneStageDetector(settings) : new models.TwoStageDetector(settings);
}

/** All losses together: those of boxes count twice. */
const totalOf = (losses: Readonly<Record<string, Tensor>>): Tensor =>
  Object.entries(losses)
    .map(([name, loss]) => (name.endsWith("Box") ? loss.mul(2) : loss))
    .reduce((sum, loss) => sum.add(loss));

/** Learns to find blood cells from scratch: a detector in one stage or in two, without anchors. */
export const detect = defineExperiment({
  name: "detect",
  title: "Detection: blood cells are found, counted and told apart",
  chapter: "vision",
  options: schema,

  async run(context, options) {
    const { crop, batchSize, learningRate, weightDecay, epochs } = options;
    const { device, seed } = context;

    // Data
    const classNames = options.classes.split(",");
    const dataset = datasets.readPascalVoc(options.images ?? context.dataFile("bccd-320x240.tar.gz"), classNames);
    const { train, val } = dataset;
    const perEpoch = Math.floor(train.length / batchSize);
    check(perEpoch > 0, () => `--batch-size ${batchSize}: there are ${train.length} training pictures: lower it`);
    const most = train.reduce((count, { boxes }) => Math.max(count, boxes.length), 1);

    // Model
    const model = modelOf(options);
    const optimizer = new optim.AdamW(model, {
      learningRate: oneCycle(learningRate, epochs * perEpoch, 0.1),
      weightDecay,
      groups: [{ where: optim.isBiasOrNorm, weightDecay: 0 }],
    });
    const average = averageOf(model);
    const { height, width, channels } = (train[0] as datasets.DetectionSample).picture;
    const { parameters, multiplyAdds } = nn.summarize(model, [1, channels, height, width]);
    context.print(
      `${parameters} parameters, ${Math.round(multiplyAdds / 1e6)} million multiply-adds a picture of ${width} x ${height}; ` +
        `${train.length} pictures, ${perEpoch} steps an epoch`,
      { event: "model", parameters, multiplyAdds },
    );

    await saveSize(context, { width, height });

    // Step
    const step = compile(
      ({ pixels, targets }: DetectionBatch) => {
        const losses = model.losses(inputOf(pixels), targets);
        optimizer.minimize(totalOf(losses));
        average.update();
        return losses;
      },
      { training: true, device },
    );

    // Loop
    const batches = new AugmentedAhead(cells, { samples: train, size: crop, seed, batchSize, workers: options.workers });
    const findAveraged = findIn(model, device, average);
    const { history, step: last } = await batches.during(() =>
      context.fit<DetectionBatch>({
        state: { model, optimizer, average },
        epochs,
        async *batches(epoch) {
          for await (const samples of batches.of(epoch)) yield batchOf(samples, model.backbone.stride, most);
        },
        step,
        recordEvery: perEpoch,
        on: { record: ({ step: at, ...figures }) => context.print(`epoch ${at / perEpoch}: ${shownFigures(figures)}`) },
        validate: async () => figuresOf(await detectAll(findAveraged, val), truthsOf(val), classNames),
        validateEvery: options.validateEvery * perEpoch,
        best: { metric: "mAP", mode: "max", restore: true },
      }),
    );
    batches.report(context);
    await average.swap();

    // Report
    const judged = dataset[options.part];
    const detections = await detectAll(findIn(model, device), judged);
    const figures = figuresOf(detections, truthsOf(judged), classNames);
    context.record(last, Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${options.part} ${name}`, value])));
    context.print(`\n${options.part} pictures: ${shownFigures(figures)}`, { event: options.part, ...figures });
    await context.plot("precision", {
      title: "Average precision on the validation pictures",
      xLabel: "steps",
      yLabel: "average precision",
      series: [seriesOf(history, "mAP50", "at an IoU of 0.5"), seriesOf(history, "mAP", "over IoUs from 0.5 to 0.95")],
    });
    await drawJudgement(context, judged, detections, classNames);
    await exportOnnx(
      (pixels: Tensor) => model.detect(inputOf(pixels)),
      { pixels: { shape: [1, channels, height, width], dtype: "uint8" } },
      context.folder.file("detector.onnx"),
    );
  },

  predict: {
    text: "a picture (.jpg or .png), or a folder of pictures",
    options: z.object({ score: z.number().min(0).max(1).default(shownScore).describe("the least score of a box that is shown") }),

    async run(context, options, text, { score }) {
      const classNames = options.classes.split(",");
      const model = modelOf(options);
      const average = averageOf(model);
      await context.restore({ model, average }, "best");
      await average.swap();
      const { width, height } = loadSize(context);
      const find = findResized(findIn(model, context.device), Math.max(width, height));
      for (const { name, picture } of picturesIn(text, 3)) {
        const found = (await find({ picture })).filter((each) => each.score >= (score as number));
        const { png, svg } = await drawBoxed(context, `predicted-${name}`, [{ picture, boxes: found }], classNames);
        const objects = found.map((each) => ({ class: classNames[each.class] ?? `${each.class}`, score: each.score, box: each.box }));
        const counts = classNames.map((of) => `${of} ${objects.filter((each) => each.class === of).length}`);
        context.print(`${name}: ${counts.join(", ")}; drawn as ${png}`, { event: "prediction", picture: name, objects, png, svg });
      }
    },
  },
});
