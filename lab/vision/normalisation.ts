import { check, maxPool, nn, optim, relu, seed, type Tensor } from "kasane";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { part } from "../generative/pictures.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { type Series, seriesOf } from "../plot/chart.js";
import { halvedImagesOf, percent, readStudy, type Study, studyOptions, trainStudy, updatesAnEpoch, updatesARecord } from "./study.js";

/** What stands behind each convolution. */
const norms = {
  none: { title: "none", make: () => undefined },
  batch: { title: "batch", make: (channels: number) => new nn.BatchNorm2d(channels) },
  // One group of all channels, as Wu and He (2018) have layer normalisation of images.
  layer: { title: "layer", make: (channels: number) => new nn.GroupNorm(1, channels) },
  instance: { title: "instance", make: (channels: number) => new nn.InstanceNorm2d(channels, { affine: true }) },
  group: { title: "group (of 4 channels)", make: (channels: number) => new nn.GroupNorm(channels / 4, channels) },
};
type Norm = keyof typeof norms;
const names = Object.keys(norms) as Norm[];

const schema = z.object({
  ...studyOptions,
  heldOut: studyOptions.heldOut.default(3000),
  norms: option.namesOf(names, "normalisations that are compared").default(names.join(",")),
  rates: option
    .listOf(option.positive, "numbers above 0")
    .default("0.01,0.03,0.1,0.3")
    .describe("learning rates that each is tried with; the best one is taken for what follows"),
  batchSizes: option.listOf("[1-9]\\d{0,3}", "integers from 1 to 9999").default("2,8,32,128").describe("batch sizes"),
  scales: option
    .listOf(option.positive, "numbers above 0")
    .default("0.1,0.3,3,10")
    .describe("what the first values of the convolutions' weights are multiplied by"),
  batchSize: option.batchSize("pictures, where batch sizes are not compared,").default(32),
  epochs: option.epochs("the training pictures, where batch sizes are compared").default(5),
  shortEpochs: option.epochs("the training pictures, where rates and first values are compared").default(2),
  fewPictures: z.int().min(1).default(2000).describe("pictures that are learnt where overfitting is measured"),
  fewEpochs: option.epochs("these").default(25),
  target: z.number().min(0).max(1).default(0.9).describe("share of training pictures told right up to which updates are counted"),
});
/** A network of six 3x3 convolutions for pictures of 14x14, with one kind of normalisation. */
export function networkOf(norm: Norm, scale = 1): nn.Sequential {
  const unit = (inputs: number, outputs: number): nn.Layer[] => {
    const normalised = norms[norm].make(outputs);
    const weightInitialiser = nn.init.heNormal(Math.SQRT2 * scale);
    // A shift by the normalisation takes the bias's place.
    const convolution = new nn.Conv2d(inputs, outputs, 3, {
      padding: 1,
      bias: !normalised,
      biasInitialiser: nn.init.zeros,
      weightInitialiser,
    });
    return [convolution, ...(normalised ? [normalised] : []), (x) => relu(x)];
  };
  const halve = (x: Tensor) => maxPool(x, 2);
  return new nn.Sequential(
    ...[...unit(1, 16), ...unit(16, 16), ...unit(16, 16), halve],
    ...[...unit(16, 32), ...unit(32, 32), ...unit(32, 32), halve],
    ...[(x: Tensor) => x.reshape([-1, 32 * 9]), new nn.Linear(32 * 9, 10)],
  );
}

/** Does normalisation shorten training, lessen what initial values matter, and lessen overfitting? Which, and at which batch size? */
export const normalisation = defineExperiment({
  name: "normalisation",
  title: "Normalisation: none, batch, layer, instance and group, by batch size, initial values and overfitting",
  chapter: "vision",
  options: schema,

  async run(context, options) {
    const chosen = option.chosenOf(names, options.norms);
    const pictures = await readStudy(context, options);
    const { rates, scales, batchSizes } = {
      rates: option.numbersIn(options.rates),
      scales: option.numbersIn(options.scales),
      batchSizes: option.numbersIn(options.batchSizes),
    };
    check(
      options.fewPictures <= options.trainSize,
      () => `--few-pictures ${options.fewPictures}: expected no more than --train-size ${options.trainSize}`,
    );
    const few = { train: part(pictures.train, 0, options.fewPictures), heldOut: pictures.heldOut };
    for (const batchSize of [options.batchSize, ...batchSizes]) updatesAnEpoch(pictures.train, batchSize);
    updatesAnEpoch(few.train, options.batchSize);

    // 1. A learning rate for each.
    const short = { batchSize: options.batchSize, epochs: options.shortEpochs, scale: 1 };
    const byRate = await tableOf(chosen, rates, (norm, rate) => train(context, pictures, norm, { ...short, name: `rate-${rate}`, rate }));
    report(context, "learning rate", rates, byRate, "rates");
    const bestRates = new Map(
      [...byRate].map(([norm, trained]) => {
        const accuracies = trained.map(({ heldOutAccuracy }) => heldOutAccuracy);
        return [norm, rates[accuracies.indexOf(Math.max(...accuracies))] as number];
      }),
    );
    const bestOf = (norm: Norm) => bestRates.get(norm) as number;

    // 2. First values that are too small or too large.
    const byScale = await tableOf(chosen, scales, (norm, scale) =>
      train(context, pictures, norm, { ...short, name: `scale-${scale}`, rate: bestOf(norm), scale }),
    );
    report(context, "first values times", scales, byScale, "scales");

    // 3. Batch sizes, the rate in proportion.
    const bySize = await tableOf(chosen, batchSizes, (norm, batchSize) =>
      train(context, pictures, norm, {
        ...{ name: `size-${batchSize}`, epochs: options.epochs, scale: 1 },
        ...{ batchSize, rate: (bestOf(norm) * batchSize) / options.batchSize },
      }),
    );
    report(context, "batch size", batchSizes, bySize, "sizes");
    const updates = ({ history }: Trained, batchSize: number) => {
      const told = history.filter(({ accuracy }) => accuracy !== undefined);
      // At an epoch's end the mean is of fewer pictures, and so is the next one.
      const whole = Math.min(updatesARecord(batchSize), updatesAnEpoch(pictures.train, batchSize));
      const reached = told.find(
        ({ step, accuracy }, i) => step - (told[i - 1]?.step ?? 0) >= whole && (accuracy as number) >= options.target,
      );
      return reached ? String(reached.step) : "never";
    };
    const headings = [`updates until ${percent(options.target)} % of the training pictures are told right`, ...batchSizes.map(String)];
    const updateRows = [...bySize].map(([norm, trained]) => [
      norms[norm].title,
      ...trained.map((each, i) => updates(each, batchSizes[i] as number)),
    ]);
    context.print(`\n${fittedTable(headings, updateRows)}`, { event: "updates", updates: updateRows });
    for (const [i, batchSize] of batchSizes.entries()) {
      await context.plot(`training-${batchSize}`, {
        title: `Batches of ${batchSize} pictures`,
        xLabel: "update",
        yLabel: "loss of the batches (nats)",
        logarithmic: true,
        series: [...bySize].map(([norm, trained]): Series => seriesOf((trained[i] as Trained).history, "loss", norms[norm].title)),
      });
    }

    // 4. Few pictures, learnt for long.
    const overfitted = await tableOf(chosen, ["few"], (norm, name) =>
      train(context, few, norm, { ...short, name, epochs: options.fewEpochs, rate: bestOf(norm) }),
    );
    const fewRows = [...overfitted].map(([norm, [trained]]) => [
      norms[norm].title,
      ...[trained?.trainAccuracy, trained?.heldOutAccuracy].map((share) => percent(share as number)),
      ...[trained?.trainLoss, trained?.heldOutLoss].map((loss) => (loss as number).toFixed(3)),
    ]);
    const fewHeadings = [`${few.train.count} pictures, ${options.fewEpochs} epochs`, "right (%)", "of held-out (%)", "loss", "of held-out"];
    context.print(`\n${fittedTable(fewHeadings, fewRows)}`, { event: "few", few: fewRows });
    await context.plot("overfitting", {
      title: `Overfitting: ${few.train.count} pictures, learnt ${options.fewEpochs} times`,
      xLabel: "update",
      yLabel: "loss of held-out pictures (nats)",
      series: [...overfitted].map(([norm, [trained]]) => seriesOf((trained as Trained).history, "heldOutLoss", norms[norm].title)),
    });
  },
});

type Trained = Awaited<ReturnType<typeof trainStudy>>;

/** Trains with each normalisation and each value of what is compared. */
async function tableOf<Value>(
  chosen: readonly Norm[],
  values: readonly Value[],
  trained: (norm: Norm, value: Value) => Promise<Trained>,
): Promise<Map<Norm, Trained[]>> {
  const table = new Map<Norm, Trained[]>();
  for (const norm of chosen) {
    const row: Trained[] = [];
    for (const value of values) row.push(await trained(norm, value));
    table.set(norm, row);
  }
  return table;
}

function train(
  context: Context,
  pictures: Study,
  norm: Norm,
  { name, batchSize, epochs, rate, scale }: { name: string; batchSize: number; epochs: number; rate: number; scale: number },
): Promise<Trained> {
  seed(context.seed);
  const model = networkOf(norm, scale);
  const learningRate = optim.cosine(rate, epochs * updatesAnEpoch(pictures.train, batchSize));
  return trainStudy(context, {
    name: `${norm}-${name}`,
    model,
    logits: (bytes) => model.forward(halvedImagesOf(bytes)),
    // Without the limit a rate too high for a network would end in NaN, and not in a figure.
    optimizer: new optim.Sgd(model, { learningRate, momentum: 0.9, clipGlobalNorm: 5 }),
    ...{ ...pictures, batchSize, epochs },
  });
}

/** Prints and records the share of held-out pictures that each network tells right. */
function report(
  context: Context,
  of: string,
  values: readonly number[],
  table: ReadonlyMap<Norm, readonly Trained[]>,
  event: string,
): void {
  const rows = [...table].map(([norm, trained]) => [norms[norm].title, ...trained.map(({ heldOutAccuracy }) => percent(heldOutAccuracy))]);
  context.print(`\nheld-out pictures told right (%)\n${fittedTable([of, ...values.map(String)], rows)}`, {
    ...{ event, values },
    accuracies: Object.fromEntries([...table].map(([norm, trained]) => [norm, trained.map(({ heldOutAccuracy }) => heldOutAccuracy)])),
  });
  for (const [norm, trained] of table) {
    for (const [i, { heldOutAccuracy }] of trained.entries()) context.record(0, { [`${norm}, ${of} ${values[i]}`]: heldOutAccuracy });
  }
}
