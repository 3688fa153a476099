import { basename } from "node:path";
import { check, compile, crossEntropy, models, optim, type Tensor } from "kasane";
import { exportOnnx } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { seriesOf } from "../plot/chart.js";
import { baselineNats } from "./codeBaselines.js";
import { type CodeBatch, CodeBatches } from "./codeBatches.js";
import { drawSamples, loadKind, readLabels, readPrime, saveKind, saveSound } from "./drawnSounds.js";
import { type Clip, type Conditions, conditionsOf, labelsOf, readClips, sounds } from "./sounds.js";
import { judgeOf, speedsOf } from "./wavenetFigures.js";

/** The shortest sound that is drawn, in seconds: a shorter one is a click. */
const leastSeconds = 0.01;

const schema = z.object({
  sounds: sounds().default("allison"),
  condition: option
    .listOf("digit|speaker|folder", "one or more of digit, speaker and folder")
    .optional()
    .describe("what the network is told of a sound: digit, speaker or both (digits), or the folder of its file (WAV files of one's own)"),
  stacks: z.int().min(1).max(16).default(2).describe("times that the dilations rise from 1"),
  layers: z.int().min(1).max(16).default(10).describe("layers of a stack; the dilation doubles from each to the next"),
  channels: option.modelSize("what goes from layer to layer", 1).default(32),
  skipChannels: option.modelSize("what the layers pass on to the end", 1).default(64),
  length: z.int().min(16).default(4000).meta({ description: "length of the stretches that are trained on", unit: "samples" }),
  batchSize: option.batchSize("stretches").default(1),
  learningRate: option.cosineLearningRate().default(0.005),
  averageDecay: z.number().min(0).max(0.9999).default(0.999).describe("what the average of the weights, which is judged, keeps in a step"),
  epochs: option.epochs("the training clips").default(25),
  seconds: z.number().min(leastSeconds).max(60).default(3).describe("length of the sound that is drawn at the end"),
});
type Options = z.output<typeof schema>;

/** Flags of a prediction. */
const flags = z.object({
  prime: z.string().min(1).optional().describe("a WAV file that is continued"),
  temperature: z.number().min(0.01).max(10).default(1).describe("below 1 probable samples are drawn more often, above 1 less often"),
  classes: z.string().min(1).optional().describe("what the sound is of, such as digit=3,speaker=theo; of a run with --condition"),
  number: z.int().min(0).default(0).describe("another number draws another sound"),
  output: z.string().min(1).optional().describe("the WAV file to write (default: predicted.wav in the run's folder)"),
});

function modelOf({ stacks, layers, channels, skipChannels }: Options, conditions: Conditions): models.WaveNet {
  const dilations = Array.from({ length: stacks * layers }, (_, i) => 2 ** (i % layers));
  return new models.WaveNet({ dilations, channels, skipChannels, conditions: conditions.map(({ classes }) => classes.length) });
}

const averageOf = (model: models.WaveNet, { averageDecay }: Options) =>
  new optim.WeightAverage(model, { decay: averageDecay, warmUp: true });

/** Learns a voice sample by sample, and speaks. */
export const wavenet = defineExperiment({
  name: "wavenet",
  title: "WaveNet: a voice learnt and drawn sample by sample",
  chapter: "generative",
  options: schema,
  presets: {
    digits: { sounds: "digits", condition: "digit,speaker", seconds: 1 },
  },

  async run(context, options) {
    const { length, batchSize, learningRate, epochs } = options;
    const { device, seed } = context;

    // Data
    const { sampleRate, train, validation, test } = readClips(context, options.sounds);
    const conditions = conditionsOf(train, options.condition?.split(",") ?? []);
    // Classes that are not trained on are told before the training.
    for (const clip of [...validation, ...test]) labelsOf(clip, conditions);
    const batches = new CodeBatches(train, conditions, { length, batchSize });
    const kind = { sampleRate, conditions };
    await saveKind(context, kind);

    // Model
    const model = modelOf(options, conditions);
    const average = averageOf(model, options);
    const optimizer = new optim.Adam(model, { learningRate: optim.cosine(learningRate, epochs * batches.perEpoch), clipGlobalNorm: 1 });
    const seen = model.receptiveField;
    const secondsOf = (clips: typeof train) => (clips.reduce((sum, { codes }) => sum + codes.length, 0) / sampleRate).toFixed(1);
    context.print(
      `${train.length} clips to train on (${secondsOf(train)} s), ${validation.length} to validate by (${secondsOf(validation)} s), ` +
        `${test.length} to test on (${secondsOf(test)} s), ${sampleRate} samples a second\n` +
        `receptive field ${seen} samples (${((1000 * seen) / sampleRate).toFixed(0)} ms), ${model.parameterCount()} parameters, ` +
        `${batches.perEpoch} steps of ${batchSize * length} samples an epoch`,
      { event: "model", receptiveField: seen, parameters: model.parameterCount(), stepsPerEpoch: batches.perEpoch },
    );

    // Step
    const step = compile(
      ({ codes, targets, labels }: CodeBatch) => {
        const loss = crossEntropy(model.forward(codes, labels), targets);
        optimizer.minimize(loss);
        average.update();
        return { loss };
      },
      { training: true, device },
    );

    // Loop
    const judge = judgeOf(model, average, conditions, length, device);
    const { step: last, history } = await context.fit<CodeBatch>({
      state: { model, optimizer, average },
      epochs,
      batches: (epoch) => batches.of(epoch, seed),
      step,
      validate: async () => ({ validationNats: await judge(validation) }),
      work: { unit: "samples", perStep: batchSize * length },
    });

    // Report
    const codes = (clips: typeof train) => clips.map((clip) => clip.codes);
    const nats = { ...baselineNats(codes(train), codes(test)), WaveNet: await judge(test) };
    context.record(last, Object.fromEntries(Object.entries(nats).map(([name, value]) => [`test nats: ${name}`, value])));
    const rows = Object.entries(nats).map(([name, value]) => [name, value.toFixed(4)]);
    context.print(`\n${fittedTable(["model", "nats a sample of the test clips"], rows)}`, { event: "test", nats });
    await context.plot("nats", {
      title: "Learning a voice",
      xLabel: "steps",
      yLabel: "nats a sample",
      series: [seriesOf(history, "loss", "training"), seriesOf(history, "validationNats", "validation clips, averaged weights")],
    });
    await average.swap();
    const labels = labelsOf(test[0] as Clip, conditions);
    const { cached, naive } = await speedsOf(model, labels, device);
    context.print(
      `samples drawn a second: ${cached.toFixed(0)}, and ${naive.toFixed(0)} where all that the network sees is computed anew for each`,
      { event: "speed", cached, naive },
    );
    const drawn = await drawSamples(context, model, kind, { labels, seconds: options.seconds, temperature: 1, number: 0 });
    await saveSound(context.folder.file("sample.wav"), "Drawn by the network", drawn, sampleRate);
    const one = new models.WaveNetStep(model, labels);
    await exportOnnx(
      (code: Tensor, past: Tensor) => one.forward(code, past),
      { code: { shape: ["sounds"], dtype: "int32" }, past: { shape: [one.delays.length, "sounds", one.channels] } },
      context.folder.file("step.onnx"),
    );
  },

  predict: {
    text: 'how many seconds of sound to draw, such as "2"',
    options: flags,

    async run(context, options, text, given) {
      const { prime: primeFile, classes, output = context.folder.file("predicted.wav"), ...drawing } = given as z.output<typeof flags>;
      const seconds = Number(text);
      const isLength = seconds >= leastSeconds && seconds <= 600;
      check(isLength, () => `predict: got "${text}", expected how many seconds to draw, ${leastSeconds} to 600`);
      const kind = loadKind(context);
      const labels = readLabels(classes, kind.conditions);
      const prime = primeFile === undefined ? undefined : readPrime(primeFile, kind.sampleRate);
      const model = modelOf(options, kind.conditions);
      const average = averageOf(model, options);
      await context.restore({ model, average });
      await average.swap();
      const samples = await drawSamples(context, model, kind, { ...drawing, seconds, labels, prime });
      const what = primeFile === undefined ? "Drawn by the network" : `${basename(primeFile)}, and how the network goes on`;
      const title = classes === undefined ? what : `${what} (${classes})`;
      const written = await saveSound(output, title, samples, kind.sampleRate, prime?.length);
      context.print(`written: ${written.join(", ")}`, { event: "prediction", files: written });
    },
  },
});
