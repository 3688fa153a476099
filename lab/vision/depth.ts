import { models, nn, optim, seed } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { type Series, seriesOf } from "../plot/chart.js";
import { oneCycle } from "./oneCycle.js";
import { halvedImagesOf, percent, readStudy, studyOptions, trainStudy, updatesAnEpoch } from "./study.js";

const shape = { classes: 10, imageChannels: 1 } as const;

/** The networks that are compared, of 6n + 2 layers; dense ones have two more, for their transitions. */
const families = {
  plain: {
    title: "plain",
    layers: (depth: number) => depth,
    make: (depth: number) => new models.SmallResNet({ ...shape, depth, residual: false }),
  },
  residual: { title: "residual", layers: (depth: number) => depth, make: (depth: number) => new models.SmallResNet({ ...shape, depth }) },
  dense: {
    title: "dense",
    layers: (depth: number) => depth + 2,
    make: (depth: number) => new models.SmallDenseNet({ ...shape, depth: depth + 2, growth: 8 }),
  },
};
type Family = keyof typeof families;
const names = Object.keys(families) as Family[];

const schema = z.object({
  ...studyOptions,
  trainSize: studyOptions.trainSize.default(8000),
  depths: option
    .listOf("[1-9]|[1-9]\\d|1\\d\\d", "integers from 8 to 199")
    .default("8,20,32,56")
    .describe("numbers of layers, 6n + 2 each, with commas; dense networks have two more"),
  networks: option.namesOf(names, "networks that are compared").default(names.join(",")),
  batchSize: option.batchSize("pictures").default(64),
  learningRate: option.learningRate("gradient descent at its highest").default(0.05),
  epochs: option.epochs("the training pictures").default(8),
});

/** What more layers bring, and when they harm: He et al. 2016, Deep residual learning for image recognition, figure 6. */
export const depth = defineExperiment({
  name: "depth",
  title: "Depth: plain networks get worse with more layers, residual and dense ones do not",
  chapter: "vision",
  options: schema.refine(({ depths }) => option.numbersIn(depths).every((depth) => depth > 2 && depth % 6 === 2), {
    path: ["depths"],
    message: "expected 6n + 2 layers each, such as 8 or 20",
  }),

  async run(context, options) {
    const { batchSize, epochs, learningRate } = options;
    const depths = option.numbersIn(options.depths);
    const chosen = option.chosenOf(names, options.networks);
    const pictures = await readStudy(context, options);
    const total = epochs * updatesAnEpoch(pictures.train, batchSize);
    context.print(`${pictures.train.count} pictures of 14x14; each network gets ${total} updates`);

    const rows: string[][] = [];
    const losses: Series[] = [];
    const curves = new Map<number, Series[]>(depths.map((depth) => [depth, []]));
    for (const family of chosen) {
      const { title, make, layers } = families[family];
      const y: number[] = [];
      for (const depth of depths) {
        seed(context.seed);
        const model = make(depth);
        const { parameters, multiplyAdds } = nn.summarize(model, [1, 1, 14, 14]);
        const result = await trainStudy(context, {
          name: `${family}-${layers(depth)}`,
          model,
          logits: (bytes) => model.forward(halvedImagesOf(bytes)),
          // Weights decay, scales and shifts do not.
          optimizer: new optim.Sgd(model, {
            learningRate: oneCycle(learningRate, total, 0.2),
            ...{ momentum: 0.9, weightDecay: 1e-4, clipGlobalNorm: 5 },
            groups: [{ where: optim.isBiasOrNorm, weightDecay: 0 }],
          }),
          ...{ ...pictures, batchSize, epochs },
        });
        const { trainLoss, trainAccuracy, heldOutAccuracy } = result;
        y.push(trainLoss);
        curves.get(depth)?.push(seriesOf(result.history, "trainLoss", `${title}, ${layers(depth)} layers`));
        rows.push([
          ...[title, String(layers(depth)), parameters.toLocaleString("en-US"), (multiplyAdds / 1e6).toFixed(1)],
          ...[trainLoss.toFixed(3), percent(trainAccuracy), percent(heldOutAccuracy)],
        ]);
        const figures = { layers: layers(depth), parameters, multiplyAdds, trainLoss, trainAccuracy, heldOutAccuracy };
        context.record(total, {
          [`${family}-${layers(depth)}/trainLoss`]: trainLoss,
          [`${family}-${layers(depth)}/heldOutAccuracy`]: heldOutAccuracy,
        });
        context.print(`${title}, ${layers(depth)} layers: training loss ${trainLoss.toFixed(3)}`, { event: "network", family, ...figures });
      }
      losses.push({ name: title, x: depths.map(layers), y });
    }

    // Report
    const headings = ["network", "layers", "parameters", "multiply-adds (M)", "training loss", "right (%)", "right of held-out (%)"];
    context.print(`\n${fittedTable(headings, rows)}`);
    await context.plot("depth", {
      title: `Training loss after ${total} updates, by depth`,
      xLabel: "layers",
      yLabel: "training loss (nats)",
      series: losses,
    });
    for (const [depth, series] of curves) {
      const title = `About ${depth} layers in training`;
      await context.plot(`training-${depth}`, { title, xLabel: "update", yLabel: "training loss (nats)", logarithmic: true, series });
    }
  },
});
