import { join } from "node:path";
import { check, data, type OnnxModule } from "kasane";
import { datasets, files, loadOnnx } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { valueOf } from "./classifier.js";
import { trainAndReport } from "./job.js";
import { classNames, heldOutOf } from "./parts.js";
import { predictClass } from "./predictClass.js";
import { fixedReading, type Labelled, onlyInput, type Reading } from "./reading.js";
import { type Mel, melBy, melShape } from "./spokenDigit.js";
import { method, tuneOptions, tuning } from "./tuneOptions.js";

/** Bytes that a sound may have. */
const mostBytes = 2 ** 26;

const schema = z.object({
  models: option.path(z.string().min(1).describe("the folder of melspectrogram.onnx and speech-embedding.onnx, as openWakeWord has them")),
  sounds: option.path(z.string().min(1).describe("fsdd.tar.gz, or a folder of its WAV files")),
  speaker: option.fixed(
    z.string().min(1).optional().describe("a speaker who is tested on and not trained on (default: the publisher's test recordings)"),
  ),
  heldOut: option.fixed(
    z.number().positive().max(0.9).default(0.1).describe("share of the training recordings that the best epoch is chosen by"),
  ),
  test: z.boolean().default(false).describe("judge by the test recordings too, at the end"),
  method,
  ...tuning,
});

/** Google's speech embedding learns the ten digits. */
export const spokenDigits = defineExperiment({
  name: "spoken-digits",
  title: "Spoken digits: an embedding of speech learns ten words, and is tried on a voice that it never heard",
  chapter: "finetuning",
  options: schema,

  async run(context, options) {
    const { device } = context;
    const mel = await melBy(join(options.models, "melspectrogram.onnx"), device);
    const model = await loadOnnx(join(options.models, "speech-embedding.onnx"));
    const parts = partsOf(datasets.readSpokenDigits(datasets.readSounds(options.sounds)), options.speaker);
    const labelled = async (digits: readonly datasets.SpokenDigit[]): Promise<Labelled> => {
      const examples: Float32Array[] = [];
      for (const { sound } of digits) examples.push(await mel(sound));
      return { examples, labels: digits.map(({ digit }) => String(digit)) };
    };
    const all = await labelled(parts.train);
    await trainAndReport(context, {
      title: `Spoken digits by ${options.method}${options.speaker === undefined ? "" : `, tested on ${options.speaker}`}`,
      parts: { model, reading: readingOf(model, mel), value: valueOf(model, {}), pool: "flatten" },
      names: classNames(all),
      ...heldOutOf(all, options.heldOut, context.seed),
      test: options.test ? await labelled(parts.test) : undefined,
      settings: tuneOptions(options),
    });
  },

  predict: {
    text: "a WAV file of one spoken digit",
    async run(context, options, file) {
      const mel = await melBy(join(options.models, "melspectrogram.onnx"), context.device);
      await predictClass(context, async (model) => readingOf(model, mel), file);
    },
  },
});

const readingOf = (model: OnnxModule, mel: Mel): Reading =>
  fixedReading(onlyInput(model, "mel bands"), melShape, {
    plural: "recordings",
    read: async (file) => {
      const bytes = files.readIfThere(file, mostBytes);
      check(bytes !== undefined, () => `${file}: no such file: expected a WAV file`);
      return mel(data.readWav(bytes, file));
    },
  });

/** The publisher's parts, or one speaker against all others. */
function partsOf(published: ReturnType<typeof datasets.readSpokenDigits>, speaker: string | undefined): typeof published {
  if (speaker === undefined) return published;
  const all = [...published.train, ...published.test];
  const speakers = [...new Set(all.map((digit) => digit.speaker))].sort();
  check(speakers.includes(speaker), () => `--speaker: got "${speaker}", expected one of ${speakers.join(", ")}`);
  return { train: all.filter((digit) => digit.speaker !== speaker), test: all.filter((digit) => digit.speaker === speaker) };
}
