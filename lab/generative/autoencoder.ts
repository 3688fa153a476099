import { check, compile, data, metrics, optim, seed as setSeed, type Tensor } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { drawPictureGrid, printPictures, rowsOf } from "../plot/pictureGrid.js";
import {
  bytesOf,
  componentsOf,
  drawPlane,
  drawReconstructions,
  errorsOf,
  greyOf,
  height,
  inputOf,
  linearError,
  mean,
  type Network,
  networkOf,
  noisy,
  pixels,
  ratiosOf,
  remade,
  width,
} from "./autoencoderFigures.js";
import { images, readPictures } from "./pictureSources.js";
import { type Pictures, part, picturesAt } from "./pictures.js";

const schema = z.object({
  images: images().default("mnist"),
  network: z.enum(["dense", "convolutional"]).default("dense").describe("what encodes and decodes"),
  widths: option
    .listOf("[1-9]\\d{0,2}", `sizes of codes from 1 to ${pixels}`)
    .refine((widths) => option.numbersIn(widths).every((width) => width <= pixels))
    .default("2,4,8,16,32,64")
    .describe("sizes of the codes that are compared"),
  noise: option
    .listOf(option.positive, "deviations of noise above 0")
    .default("0.25,0.5,0.75")
    .describe("deviations of the noise that is taken off, where white is 1"),
  unseen: option
    .listOf("[0-9]", "classes from 0 to 9")
    .default("0,1,2,3,4,5,6,7,8,9")
    .describe("classes of which each is left out of a training, to be found by its error"),
  unseenWidth: z.int().min(1).max(pixels).default(16).describe("size of the code of these, and of those that take off noise"),
  batchSize: option.batchSize("pictures").default(100),
  learningRate: option.cosineLearningRate().default(0.002),
  epochs: option.epochs("the training pictures, for each size of code").default(15),
  shortEpochs: option.epochs("the training pictures, for each noise and each class left out").default(5),
  heldOut: option.heldOut(),
});
type Options = z.output<typeof schema>;

/** Learns codes of pictures: how few numbers say how much, what noise is, and what was never seen. */
export const autoencoder = defineExperiment({
  name: "autoencoder",
  title: "Autoencoder: pictures in a few numbers, beside principal components; noise and what was never seen",
  chapter: "generative",
  options: schema,

  async run(context, options) {
    const { train, test } = await readPictures(context, options.images, options.heldOut);
    for (const label of option.numbersIn(options.unseen)) {
      const count = (pictures: Pictures) => pictures.labels.filter((each) => each === label).length;
      const isThere = [train, test].every((pictures) => count(pictures) > 0 && count(pictures) < pictures.count);
      check(isThere, () => `--unseen ${options.unseen}: class ${label} is not among others in both parts: name classes that are`);
    }
    const components = await componentsOf(train, Math.max(...option.numbersIn(options.widths)), context.device);

    // Codes of several sizes, each beside as many principal components.
    const sizes: { code: number; error: number; linear: number }[] = [];
    for (const code of option.numbersIn(options.widths)) {
      const model = await trained(context, options, `code-${code}`, code, train, options.epochs, 0);
      const error = mean(await errorsOf(options.network, model, test, context.device));
      const linear = await linearError(components, code, test);
      sizes.push({ code, error, linear });
      context.print(`code of ${code}: squared error ${error.toFixed(5)}, principal components ${linear.toFixed(5)}`);
      await drawReconstructions(context, options.network, model, test, code);
      if (code === 2) await drawPlane(context, options.network, model, test);
    }
    const sizeRows = sizes.map(({ code, error, linear }) => [
      String(code),
      error.toFixed(5),
      linear.toFixed(5),
      `${(linear / error).toFixed(2)} times`,
    ]);
    context.print(`\n${fittedTable(["code", "squared error", "principal components", "these have"], sizeRows)}`, { event: "codes", sizes });
    context.record(
      1,
      Object.fromEntries(
        sizes.flatMap(({ code, error, linear }) => [
          [`error, code ${code}`, error],
          [`error, ${code} components`, linear],
        ]),
      ),
    );
    await context.plot("error", {
      title: "What a code leaves out",
      xLabel: "size of the code (numbers)",
      yLabel: "squared error a pixel",
      logarithmic: true,
      series: [
        { name: "autoencoder", x: sizes.map(({ code }) => code), y: sizes.map(({ error }) => error) },
        { name: "principal components", x: sizes.map(({ code }) => code), y: sizes.map(({ linear }) => linear) },
      ],
    });

    // Noise is taken off by a network that was shown noisy pictures and asked for clean ones (Vincent et al. 2008).
    const cleaned: { deviation: number; before: number; after: number }[] = [];
    for (const deviation of option.numbersIn(options.noise)) {
      const name = `noise-${deviation}`;
      const model = await trained(context, options, name, options.unseenWidth, train, options.shortEpochs, deviation);
      const { picture, ...ratios } = await ratiosOf(options.network, model, test, deviation, context.device);
      cleaned.push({ deviation, ...ratios });
      await files.writeAtomically(context.folder.file(`${name}.png`), picture);
    }
    const noiseRows = cleaned.map(({ deviation, before, after }) => [String(deviation), before.toFixed(2), after.toFixed(2)]);
    context.print(`\n${fittedTable(["noise", "PSNR before (dB)", "after (dB)"], noiseRows)}`, { event: "noise", cleaned });
    context.record(1, Object.fromEntries(cleaned.map(({ deviation, after }) => [`PSNR, noise ${deviation}`, after])));

    // What a network was never shown it makes again badly.
    const found: { label: number; area: number }[] = [];
    for (const label of option.numbersIn(options.unseen)) {
      const others = picturesAt(
        train,
        Array.from(train.labels.keys()).filter((i) => train.labels[i] !== label),
      );
      const model = await trained(context, options, `without-${label}`, options.unseenWidth, others, options.shortEpochs, 0);
      const errors = await errorsOf(options.network, model, test, context.device);
      const isUnseen = Array.from(test.labels, (each) => each === label);
      found.push({ label, area: metrics.rocAuc(errors, isUnseen) });
    }
    const unseenRows = found.map(({ label, area }) => [String(label), area.toFixed(3)]);
    context.print(`\n${fittedTable(["never seen", "area under the ROC curve"], unseenRows)}`, { event: "unseen", found });
    context.record(1, Object.fromEntries(found.map(({ label, area }) => [`AUROC, ${label} unseen`, area])));
  },

  predict: {
    text: 'the index of a test picture, such as "7"',

    async run(context, options, text) {
      const { test } = await readPictures(context, options.images, options.heldOut);
      const index = Number(text);
      check(
        /^\d+$/.test(text.trim()) && index < test.count,
        () => `predict: got "${text}", expected the index of a test picture, 0 to ${test.count - 1}`,
      );
      const parts = context.trained(option.numbersIn(options.widths).map((code) => `code-${code}`));
      const picture = part(test, index, index + 1);
      const shown = [
        rowsOf(
          Array.from(picture.pixels, (value) => value / 255),
          pixels,
        )[0] as number[],
      ];
      const errors: Record<string, number> = {};
      for (const name of parts) {
        const model = networkOf(options.network, Number(name.slice("code-".length)));
        await context.restore({ model }, "last", name);
        const again = (await remade(options.network, model, greyOf(bytesOf(picture))).data()) as Float32Array;
        shown.push(Array.from(again));
        errors[name] = (await errorsOf(options.network, model, picture, context.device))[0] as number;
      }
      const file = context.folder.file("predicted.png");
      await files.writeAtomically(file, drawPictureGrid({ height, width, rows: [shown], scale: 4 }));
      context.print(printPictures(shown.slice(0, 3), height, width));
      context.print(`picture ${index}, then as codes of growing size make it again: ${file}`, { event: "prediction", index, errors, file });
    },
  },
});

/** A network of one size, trained in a folder of its own on clean pictures or to take noise of a deviation off. */
async function trained(
  context: Context,
  { network, batchSize, learningRate }: Options,
  name: string,
  code: number,
  pictures: Pictures,
  epochs: number,
  deviation: number,
): Promise<Network> {
  setSeed(context.seed);
  const model = networkOf(network, code);
  const perEpoch = Math.floor(pictures.count / batchSize);
  check(perEpoch > 0, () => `autoencoder: ${pictures.count} pictures are no batch of ${batchSize}: lower --batch-size`);
  const optimizer = new optim.Adam(model, { learningRate: optim.cosine(learningRate, epochs * perEpoch) });
  const step = compile(
    (bytes: Tensor) => {
      const grey = greyOf(bytes);
      const shown = deviation > 0 ? noisy(grey, deviation) : grey;
      const loss = model.forward(inputOf(network, shown)).reshape([-1, pixels]).binaryCrossEntropy(grey);
      optimizer.minimize(loss);
      return { loss };
    },
    { training: true, device: context.device },
  );
  await context.fit<Tensor>({
    ...context.part(name),
    state: { model, optimizer },
    epochs,
    *batches(epoch) {
      for (const places of data.batches(pictures.count, { batchSize, seed: context.seed, epoch, dropLast: true })) {
        yield bytesOf(picturesAt(pictures, places));
      }
    },
    step,
  });
  return model;
}
