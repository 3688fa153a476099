import type { OnnxModule } from "kasane";
import { loadOnnx } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { images, readPictures } from "../generative/pictureSources.js";
import type { Pictures } from "../generative/pictures.js";
import * as option from "../options.js";
import { valueOf } from "./classifier.js";
import { trainAndReport } from "./job.js";
import { heldOutOf } from "./parts.js";
import { pictureReading } from "./pictures.js";
import { predictClass } from "./predictClass.js";
import type { Labelled, Reading } from "./reading.js";
import { method, tuneOptions, tuning } from "./tuneOptions.js";

const schema = z.object({
  model: option.path(z.string().min(1).describe("mnist-8.onnx of the ONNX model zoo")),
  images: images().default("fashion"),
  heldOut: option.fixed(
    z.number().positive().max(0.9).default(0.1).describe("share of the training pictures that the best epoch is chosen by"),
  ),
  test: z.boolean().default(false).describe("judge by the test pictures too, at the end"),
  method: method.default("full"),
  ...tuning,
});

/** A small network that tells digits learns to tell clothes. */
export const digitsToFashion = defineExperiment({
  name: "digits-to-fashion",
  title: "Digits to fashion: a network of a file that tells digits learns to tell clothes",
  chapter: "finetuning",
  options: schema,

  async run(context, options) {
    const model = await loadOnnx(options.model, { lift: "batch" });
    const { train, test, classNames } = await readPictures(context, options.images, 0);
    await trainAndReport(context, {
      title: `Pictures of ${options.images} by ${options.method} of ${options.model}`,
      parts: { model, reading: readingOf(model), value: valueOf(model, {}), pool: "flatten" },
      names: classNames,
      ...heldOutOf(labelled(train, classNames), options.heldOut, context.seed),
      test: options.test ? labelled(test, classNames) : undefined,
      settings: tuneOptions(options),
    });
  },

  predict: {
    text: "a PNG or JPEG file of a piece of clothing, light on black",
    run: (context, _, file) => predictClass(context, async (model) => readingOf(model), file),
  },
});

const readingOf = (model: OnnxModule): Reading => pictureReading(model, { pixels: "bytes" });

function labelled({ height, width, pixels, labels }: Pictures, names: readonly string[]): Labelled {
  const size = height * width;
  return {
    examples: Array.from(labels, (_, i) => pixels.subarray(i * size, (i + 1) * size)),
    labels: Array.from(labels, (label) => names[label] as string),
  };
}
