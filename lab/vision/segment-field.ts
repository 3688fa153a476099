import { abs, check, compile, grad, models, nn, optim, random, seed, type Tensor } from "kasane";
import { datasets } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { AugmentedAhead, workers } from "./augmentedAhead.js";
import { nothing, roadClasses, scenesFile } from "./roadScenes.js";
import * as roads from "./sceneAugmentation.js";
import { type Batch, batchOf, judge, logitsOf, lossOf, segmentBy } from "./segmentation.js";

/** Networks of one width whose pixels see more and more of the image, in three ways. */
const ways = {
  stride: [1, 2, 3, 4, 5].map((levels) => ({ levels, dilation: 1 })),
  dilation: [1, 2, 4, 8].map((dilation) => ({ levels: 2, dilation })),
} as const;
type Way = keyof typeof ways;

const titles: Readonly<Record<Way, string>> = {
  stride: "U-Nets of 1 to 5 sizes",
  dilation: "U-Nets of 2 sizes, the lower one dilated by 1 to 8",
};

const schema = z.object({
  scenes: option.fixed(
    option
      .path(z.string().min(1).describe(`a folder or a .tar.gz in the form of \`segment\` (default: ${scenesFile} among the datasets)`))
      .optional(),
  ),
  ways: option.namesOf(Object.keys(ways), "how receptive fields are made larger").default(Object.keys(ways).join(",")),
  width: z
    .int()
    .min(4)
    .max(256)
    .multipleOf(4)
    .default(16)
    .meta({ description: "channels of the first size, and of all others", unit: "channels" }),
  batchSize: option.batchSize("scenes").default(8),
  learningRate: option.cosineLearningRate().default(0.004),
  epochs: option.epochs("the training scenes, for each network").default(12),
  workers: workers(),
});
type Options = z.output<typeof schema>;

interface Measured {
  readonly way: Way;
  readonly levels: number;
  readonly dilation: number;
  readonly parameters: number;
  /** The side of what a pixel could see, in pixels, as the network's layers tell. */
  readonly field: number;
  /** The same, as gradients tell. */
  readonly seen: number;
  readonly meanIou: number;
}

/** How much of the image a pixel's class is told from, and how well: the receptive field made larger by stride and by dilation. */
export const segmentField = defineExperiment({
  name: "segment-field",
  title: "Segmentation by receptive field: how much of a scene a pixel must see",
  chapter: "vision",
  options: schema,

  async run(context, options) {
    const dataset = datasets.readSegmented(options.scenes ?? context.dataFile(scenesFile), roadClasses.length, nothing);
    const chosen = option.chosenOf(Object.keys(ways) as Way[], options.ways);
    const measured: Measured[] = [];
    for (const way of chosen) {
      for (const { levels, dilation } of ways[way]) {
        const name = `${way}-${levels}-${dilation}`;
        seed(context.seed);
        const model = new models.UNet({ classes: roadClasses.length, width: options.width, mostChannels: options.width, levels, dilation });
        const field = fieldOf(model);
        const seen = await seenBy(model, field, context);
        const meanIou = await trained(context, options, name, model, dataset);
        measured.push({ way, levels, dilation, parameters: model.parameterCount(), field, seen, meanIou });
        context.print(`${name}: sees ${field} pixels, ${seen} by gradients; mean IoU ${percent(meanIou)}`, {
          event: "network",
          ...measured.at(-1),
        });
      }
    }
    const rows = measured.map(({ way, levels, dilation, parameters, field, seen, meanIou }) =>
      [way, levels, dilation, parameters, field, seen, percent(meanIou)].map(String),
    );
    context.print(`\n${fittedTable(["larger by", "sizes", "dilation", "parameters", "sees (pixels)", "by gradients", "mean IoU"], rows)}`);
    context.record(1, Object.fromEntries(measured.map(({ way, field, meanIou }) => [`mean IoU, ${way}, ${field} pixels`, meanIou])));
    await context.plot("field", {
      title: "How much of a scene a pixel must see",
      xLabel: "side of the receptive field (pixels)",
      yLabel: "mean IoU of the validation scenes",
      series: chosen.map((way) => {
        const of = measured.filter((each) => each.way === way);
        return { name: titles[way], x: of.map(({ field }) => field), y: of.map(({ meanIou }) => meanIou) };
      }),
    });
  },
});

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** The side of the receptive field that {@link nn.summarize} computes. */
function fieldOf(model: models.UNet): number {
  const size = nn.summarize(model, [1, 3, 64, 64]).modules[0]?.receptiveField[0]?.size;
  check(size !== undefined, () => "segment-field: the receptive field of this network is not known");
  return size;
}

/** The side of the square of pixels on which the logits of the pixel in the middle depend, over a few random images. */
async function seenBy(model: models.UNet, field: number, { device }: Context): Promise<number> {
  const side = 2 * Math.ceil(field / 2) + 32;
  const middle = side / 2;
  const gradientOf = compile(
    () => {
      const images = random.normal([4, 3, side, side]);
      const logits = model.forward(images).slice([[], [], [middle, middle + 1], [middle, middle + 1]]);
      return abs(grad(logits.sum(), images) as Tensor).sum({ axis: [0, 1, 3] });
    },
    { device },
  );
  const rows = (await (await gradientOf()).data()) as Float32Array;
  await gradientOf.dispose();
  const seen = [...rows.keys()].filter((row) => rows[row] !== 0);
  return (seen.at(-1) as number) - (seen[0] as number) + 1;
}

/** Trains a network in a folder of its own. Returns the mean IoU of the validation scenes. */
async function trained(
  context: Context,
  options: Options,
  name: string,
  model: models.UNet,
  { train, val }: datasets.SegmentationDataset,
): Promise<number> {
  const { batchSize, learningRate, epochs } = options;
  const { device, seed: of } = context;
  const perEpoch = Math.floor(train.length / batchSize);
  check(perEpoch > 0, () => `--batch-size ${batchSize}: there are ${train.length} training scenes: lower it`);
  const { height, width } = (train[0] as datasets.SegmentationSample).picture;
  const batches = new AugmentedAhead(roads, { samples: train, size: [height, width], seed: of, batchSize, workers: options.workers });
  const lossOfBatch = lossOf(train, { weights: "none", lovasz: 1 });
  const optimizer = new optim.Adam(model, { learningRate: optim.cosine(learningRate, epochs * perEpoch) });
  const step = compile(
    ({ pixels, mask }: Batch) => {
      const loss = lossOfBatch(logitsOf(model, pixels), mask);
      optimizer.minimize(loss);
      return { loss };
    },
    { training: true, device },
  );
  await batches.during(() =>
    context.fit<Batch>({
      ...context.part(name),
      state: { model, optimizer },
      epochs,
      async *batches(epoch) {
        for await (const samples of batches.of(epoch)) yield batchOf(samples);
      },
      step,
      recordEvery: perEpoch,
    }),
  );
  await step.dispose();
  return judge(val, await segmentBy(model, device)(val.map(({ picture }) => picture))).figures.meanIou;
}
