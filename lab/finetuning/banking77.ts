import { datasets, loadOnnx } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { valueOf } from "./classifier.js";
import { trainAndReport } from "./job.js";
import { classNames, heldOutOf } from "./parts.js";
import { predictClass } from "./predictClass.js";
import type { Labelled } from "./reading.js";
import { textReading, tokenizerBeside, tokenizerFile } from "./texts.js";
import { method, tuneOptions, tuning } from "./tuneOptions.js";

const schema = z.object({
  model: option.path(z.string().min(1).describe("model.onnx of all-MiniLM-L6-v2, or of another encoder of sentences")),
  tokenizer: option.path(z.string().min(1).describe("its tokenizer.json (default: that beside the model)")).optional(),
  heldOut: option.fixed(
    z.number().positive().max(0.9).default(0.1).describe("share of the training questions that the best epoch is chosen by"),
  ),
  test: z.boolean().default(false).describe("judge by the test questions too, at the end"),
  method,
  ...tuning,
});

/** An encoder of sentences learns what customers of a bank ask for. */
export const banking77 = defineExperiment({
  name: "banking77",
  title: "Banking77: a small encoder of sentences learns 77 things that customers ask for",
  chapter: "finetuning",
  options: schema,

  async run(context, options) {
    const model = await loadOnnx(options.model);
    const reading = textReading(model, tokenizerBeside(options.model, options.tokenizer));
    const { train, test } = datasets.readBanking77(await context.dataset(datasets.banking77));
    const encoded = async ({ texts, labels }: datasets.LabelledTexts): Promise<Labelled> => ({
      examples: await Promise.all(texts.map((text) => reading.read(text))),
      labels,
    });
    const all = await encoded(train);
    await trainAndReport(context, {
      title: `Banking77 by ${options.method}`,
      parts: { model, reading, value: valueOf(model, {}), pool: "mean" },
      names: classNames(all),
      ...heldOutOf(all, options.heldOut, context.seed),
      test: options.test ? await encoded(test) : undefined,
      settings: tuneOptions(options),
    });
  },

  predict: {
    text: 'a question, such as "why was I charged twice?"',
    run: (context, _, text) => predictClass(context, async (model) => textReading(model, context.folder.file(tokenizerFile)), text),
  },
});
