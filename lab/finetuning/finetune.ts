import { loadOnnx } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { valueOf } from "./classifier.js";
import { columnReading } from "./columns.js";
import { trainAndReport } from "./job.js";
import { kindOf } from "./kinds.js";
import { checkClasses, classNames, heldOutOf } from "./parts.js";
import { pixelScales } from "./pictures.js";
import { predictClass } from "./predictClass.js";
import { pools } from "./reading.js";
import { tokenizerFile } from "./texts.js";
import { method, tuneOptions, tuning } from "./tuneOptions.js";

const text = (of: string) => z.string().min(1).describe(of);
const path = (of: string) => option.path(text(of));

const schema = z.object({
  model: path("the .onnx file that is trained further"),
  data: path("a CSV file with a row an example: with --text of texts, without it of numbers").optional(),
  images: path("a folder, or a .tar.gz, of PNG and JPEG files, in a folder for each class").optional(),
  audio: path("a folder, or a .tar.gz, of WAV files, in a folder for each class").optional(),
  text: text("the column of the texts").optional(),
  columns: text("the columns of the numbers, with commas between them (default: all but the label)").optional(),
  label: text("the column of the classes").default("label"),
  test: path("data of the same form that is tested on, once, at the end").optional(),
  validationShare: option.fixed(z.number().positive().max(0.9).default(0.1).describe("share of the data that the best epoch is chosen by")),
  method,
  tokenizer: path("the model's tokenizer.json (default: that beside the model)").optional(),
  maximumLength: z.int().min(5).max(8192).optional().describe("tokens that are read of a text, at most (default: as the tokenizer says)"),
  pixels: z
    .enum(pixelScales)
    .default("unit")
    .describe("what pixels the model takes: 0 to 255, 0 to 1, or with the means and deviations of ImageNet"),
  size: z.int().min(1).max(4096).optional().meta({ description: "side of the pictures, where the model leaves that free", unit: "pixels" }),
  rate: z.int().min(1).max(384_000).default(16_000).meta({ description: "samples of a sound that the model takes", unit: "a second" }),
  seconds: z.number().positive().max(3600).optional().describe("seconds of a sound, where the model leaves that free"),
  output: text("the model's output that makes way for the new head (default: the first)").optional(),
  features: text("the value in the model that the new head is fed with (default: what the output is computed from)").optional(),
  pool: z.enum(pools).default("mean").describe("how the vectors of an example become one"),
  ...tuning,
});

/** Trains a model of an .onnx file on labelled data of the user's own. */
export const finetune = defineExperiment({
  name: "finetune",
  title: "Fine-tuning: an .onnx file learns classes of your own",
  chapter: "finetuning",
  options: schema,

  async run(context, options) {
    const model = await loadOnnx(options.model, { lift: "batch" });
    const { reading, source, read } = await kindOf(model, options);
    const all = await read(source);
    const names = classNames(all);
    const test = options.test === undefined ? undefined : await read(options.test);
    if (test) checkClasses(names, test, options.test as string);
    await trainAndReport(context, {
      title: `Fine-tuning of ${options.model} on ${source}`,
      parts: { model, reading, value: valueOf(model, options), pool: options.pool },
      names,
      ...heldOutOf(all, options.validationShare, context.seed),
      test,
      settings: tuneOptions(options),
    });
  },

  predict: {
    text: "a text, a PNG, JPEG or WAV file, or numbers with commas between them",
    run: (context, options, example) =>
      predictClass(
        context,
        // A model of rows knows how many columns it takes: the table need not be there any more.
        async (model) =>
          options.data !== undefined && options.text === undefined
            ? columnReading(model)
            : (await kindOf(model, options, context.folder.file(tokenizerFile))).reading,
        example,
      ),
  },
});
