import { check, compile, data, models, optim, random, type Tensor } from "kasane";
import { exportOnnx, files } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { drawPictureGrid, printPictures, rowsOf } from "../plot/pictureGrid.js";
import { images, readTenClasses } from "./pictureSources.js";
import { pictureSize, picturesAt } from "./pictures.js";
import { type Batch, batchOf, drawAll, inputOf, judgeOf, logLikelihood, meanOf } from "./vaeFigures.js";

/** Digits, or kinds of clothes. */
const classes = 10;

const schema = z.object({
  images: images(" of ten classes").default("mnist"),
  hidden: option.listOf("[1-9]\\d{0,3}", "sizes of hidden layers", true).default("400").describe("sizes of the encoder's hidden layers"),
  latent: z.int().min(1).max(512).default(20).meta({ description: "size of the latent variable", unit: "units" }),
  activation: z.enum(["relu", "tanh"]).default("relu").describe("of the hidden layers"),
  binarization: z
    .enum(["none", "dynamic"])
    .default("none")
    .describe("none: grey is the probability of a pixel; dynamic: each pixel is drawn by it, anew in every epoch"),
  importance: z.int().min(1).max(1000).default(1).describe("draws of the latent variable for a picture (1: VAE, more: IWAE)"),
  beta: z.number().positive().default(1).describe("factor of the divergence from the prior (beta-VAE); needs --importance 1 unless 1"),
  conditional: z.boolean().default(false).describe("whether both halves are told which digit a picture shows"),
  batchSize: option.batchSize("pictures").default(100),
  learningRate: option.cosineLearningRate().default(0.003),
  epochs: option.epochs("the training pictures").default(15),
  heldOut: option.heldOut(),
  likelihoodSamples: z
    .int()
    .min(0)
    .max(100_000)
    .default(0)
    .describe("draws for each test picture by which its log likelihood is estimated at the end; 0: it is not"),
});
type Options = z.output<typeof schema>;

const checked = schema
  .refine(({ beta, importance }) => beta === 1 || importance === 1, {
    path: ["beta"],
    message: "the importance-weighted bound has no divergence to weigh: it needs --importance 1",
  })
  .refine(({ binarization, likelihoodSamples }) => binarization === "dynamic" || likelihoodSamples === 0, {
    path: ["likelihoodSamples"],
    message: "grey pixels have no likelihood under a model of black and white ones: it needs --binarization dynamic",
  });

/** The net of Burda, Grosse and Salakhutdinov (2015) with one layer of latent variables, and their count of draws; epochs are for an hour of two cores. */
const burda = { hidden: "200,200", latent: 50, activation: "tanh", binarization: "dynamic", likelihoodSamples: 5000 } as const;

const modelOf = (pixels: number, { hidden, latent, activation, conditional }: Options, inputMean?: Float64Array) =>
  new models.VariationalAutoencoder(pixels, {
    hidden: option.numbersIn(hidden),
    latent,
    activation,
    classes: conditional ? classes : 0,
    ...(inputMean ? { inputMean } : {}),
  });

/** Learns to draw digits: a variational autoencoder, or with several draws an importance-weighted one. */
export const vae = defineExperiment({
  name: "vae",
  title: "Variational autoencoder: digits as points of a normal distribution, drawn from it again",
  chapter: "generative",
  options: checked,
  presets: {
    vae: { ...burda, learningRate: 0.002, epochs: 1000 },
    iwae: { ...burda, learningRate: 0.003, epochs: 800, importance: 5 },
    manifold: { latent: 2 },
    conditional: { conditional: true },
  },

  async run(context, options) {
    const { binarization, importance, beta, conditional, batchSize, learningRate, epochs, heldOut } = options;
    const { device, seed } = context;

    // Data
    const { train, test } = await readTenClasses(context, options.images, heldOut);
    const size = train.height * train.width;
    const perEpoch = Math.floor(train.count / batchSize);
    check(perEpoch > 0, () => `--batch-size ${batchSize}: there are ${train.count} training pictures: lower it`);

    // Model
    const model = modelOf(size, options, meanOf(train));
    const optimizer = new optim.Adam(model, { learningRate: optim.cosine(learningRate, epochs * perEpoch) });

    // Step
    const step = compile(
      (batch: Batch): Readonly<Record<string, Tensor>> => {
        const x = inputOf(batch, binarization);
        const labels = conditional ? batch.labels : undefined;
        if (importance > 1) {
          const loss = model.importanceBound(x, importance, labels).mean().neg();
          optimizer.minimize(loss);
          return { loss };
        }
        const { reconstruction, divergence } = model.negativeElbo(x, labels);
        const loss = reconstruction.add(divergence.mul(beta)).mean();
        optimizer.minimize(loss);
        return { loss, divergence: divergence.mean() };
      },
      { training: true, device },
    );

    // Loop
    const judge = judgeOf(model, binarization, device);
    const { step: last, history } = await context.fit<Batch>({
      state: { model, optimizer },
      epochs,
      *batches(epoch) {
        for (const places of data.batches(train.count, { batchSize, seed, epoch, dropLast: true }))
          yield batchOf(picturesAt(train, places));
      },
      step,
      // The judged pictures are those that settings are chosen by: the test pictures are judged once, at the end.
      ...(heldOut > 0 ? { validate: () => judge(test) } : {}),
    });

    // Report
    const figures = await judge(test);
    const likelihood: Record<string, number> = {};
    if (options.likelihoodSamples > 0) {
      let tenths = 0;
      likelihood.nll = -(await logLikelihood(model, test, options.likelihoodSamples, binarization, device, (done, mean) => {
        if ((10 * done) / test.count < tenths + 1) return;
        tenths = Math.floor((10 * done) / test.count);
        context.print(`likelihoods of ${done} of ${test.count} pictures: ${(-mean).toFixed(2)} nats so far`);
      }));
    }
    const name = heldOut > 0 ? "held-out" : "test";
    context.record(last, Object.fromEntries(Object.entries({ ...figures, ...likelihood }).map(([of, value]) => [`${name} ${of}`, value])));
    const lines = [
      `${name} pictures: -ELBO ${figures.negativeElbo.toFixed(2)} nats (reconstruction ${figures.reconstruction.toFixed(2)}, ` +
        `divergence ${figures.divergence.toFixed(2)}), ${figures.activeUnits} of ${options.latent} latent units are active`,
    ];
    if (likelihood.nll !== undefined) {
      lines.push(`negative log likelihood by ${options.likelihoodSamples} draws a picture: ${likelihood.nll.toFixed(2)} nats`);
    }
    context.print(`\n${lines.join("\n")}`, { event: name, ...figures, ...likelihood });
    const losses = history.filter(({ loss }) => loss !== undefined);
    await context.plot("loss", {
      title: "Learning to draw",
      xLabel: "steps",
      yLabel: "negative lower bound (nats a picture)",
      series: [{ name: "training", x: losses.map(({ step: at }) => at), y: losses.map(({ loss }) => loss as number) }],
    });
    for (const [file, picture] of Object.entries(await drawAll(model, test, device))) {
      await files.writeAtomically(context.folder.file(`${file}.png`), picture);
    }
    const z = { shape: ["batch", options.latent] };
    const label = { shape: ["batch"], dtype: "int32" } as const;
    const decode = (latent: Tensor, labels?: Tensor) => ({ pixels: model.decode(latent, labels).sigmoid() });
    await exportOnnx(decode, conditional ? { z, label } : { z }, context.folder.file("decoder.onnx"));
  },

  predict: {
    text: 'how many digits to draw, such as "8"; of a --conditional run the digits themselves, such as "2026"',

    async run(context, options, text) {
      const { height, width } = pictureSize;
      const model = modelOf(height * width, options);
      await context.restore({ model });
      const asked = text.trim();
      const labels = options.conditional ? digitsOf(asked) : undefined;
      const count = labels?.length ?? countOf(asked);
      const decode = compile((z: Tensor, given: Tensor) => model.decode(z, labels && given).sigmoid(), { device: context.device });
      const drawn = await decode(random.normal([count, options.latent]), Int32Array.from(labels ?? [0]));
      const pictures = rowsOf((await drawn.data()) as Float32Array, height * width);
      const file = context.folder.file("predicted.png");
      await files.writeAtomically(file, drawPictureGrid({ height, width, rows: [pictures], scale: 4 }));
      const across = Math.max(1, Math.floor((process.stdout.columns ?? 80) / (width + 1)));
      for (let i = 0; i < count; i += across) context.print(printPictures(pictures.slice(i, i + across), height, width));
      context.print(`written to ${file}`, { event: "prediction", asked, file });
    },
  },
});

function digitsOf(text: string): number[] {
  check(/^\d{1,64}$/.test(text), () => `predict: got "${text}", expected 1 to 64 digits to draw, such as "2026"`);
  return [...text].map(Number);
}

function countOf(text: string): number {
  const count = Number(text);
  check(/^\d+$/.test(text) && count > 0 && count <= 64, () => `predict: got "${text}", expected how many digits to draw, 1 to 64`);
  return count;
}
