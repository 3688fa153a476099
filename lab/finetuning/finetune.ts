import { copyFileSync } from "node:fs";
import { check, data, type OnnxModule, onnxModel, type Tensor } from "kasane";
import { datasets, exportOnnx, files, loadOnnx } from "kasane/node";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import * as option from "../options.js";
import { valueOf } from "./classifier.js";
import { checkClasses, classNames, heldOutOf } from "./parts.js";
import { type Labelled, pools, type Reading } from "./reading.js";
import { figuresOf, figuresTable, type Judged, reportOf } from "./report.js";
import { textReading, tokenizerBeside } from "./texts.js";
import { type Method, methods, probabilitiesOf, rowsOf, type TuneOptions, tune } from "./tune.js";

const file = (of: string) => z.string().min(1).describe(of);

const schema = z.object({
  model: file("the .onnx file that is trained further"),
  data: file("a CSV file with a row an example"),
  text: z.string().min(1).describe("the column of the texts"),
  label: z.string().min(1).default("label").describe("the column of the classes"),
  test: file("a CSV file of the same columns that is only tested on, at the end").optional(),
  tokenizer: file("the model's tokenizer.json (default: that beside the model)").optional(),
  maximumLength: z.int().min(4).max(8192).optional().describe("tokens that are read of a text, at most (default: as the tokenizer says)"),
  method: z
    .enum(methods)
    .default("head")
    .describe("what is trained: a new head alone, products of low rank in all layers beside it, or all"),
  output: z.string().min(1).optional().describe("the model's output that makes way for the new head (default: the first)"),
  features: z.string().min(1).optional().describe("the value in the model that the new head is fed with"),
  pool: z.enum(pools).default("mean").describe("how the vectors of an example become one"),
  validationShare: z.number().positive().max(0.9).default(0.1).describe("share of the data that the best epoch is chosen by"),
  epochs: option.epochs("the data (default: head 40, lora 8, full 5)").optional(),
  batchSize: option.batchSize("examples").default(32),
  learningRate: option
    .learningRate("AdamW at the start; it falls along half a cosine (default: head 0.005, lora 0.001, full 0.0001)")
    .optional(),
  headRate: z.number().positive().default(5).describe("the rate of the head beside other weights, as a multiple"),
  weightDecay: z.number().min(0).default(0.01).describe("weight decay of AdamW"),
  rank: z.int().min(1).max(1024).default(8).describe("rank of the products of --method lora"),
  alpha: z.number().positive().default(16).describe("what these products are multiplied by, times their rank"),
});
type Options = z.output<typeof schema>;

/** Epochs and rates that serve each method. */
const usual: Readonly<Record<Method, { readonly epochs: number; readonly learningRate: number }>> = {
  head: { epochs: 40, learningRate: 0.005 },
  lora: { epochs: 8, learningRate: 0.001 },
  full: { epochs: 5, learningRate: 0.0001 },
};

/** All settings of a training, those that are not given as they serve the method. */
export const tuneOptions = (options: Omit<TuneOptions, "epochs" | "learningRate"> & Partial<TuneOptions>): TuneOptions => ({
  ...options,
  epochs: options.epochs ?? usual[options.method].epochs,
  learningRate: options.learningRate ?? usual[options.method].learningRate,
});

const modelFile = "model.onnx";
const labelsFile = "labels.json";
const tokenizerFile = "tokenizer.json";
/** Bytes that the names of the classes may have. */
const largestLabels = 2 ** 24;
/** Classes that a prediction lists, at most. */
const listed = 5;

/** A function of tensors in the order of the reading's inputs, as an export asks for. */
const exportable =
  (reading: Reading, logits: (inputs: Readonly<Record<string, Tensor>>) => Tensor) =>
  (...inputs: Tensor[]) => ({
    logits: logits(Object.fromEntries(Object.keys(reading.inputs).map((name, i) => [name, inputs[i] as Tensor]))),
  });

/** The reading of the kind of data that was named. */
const readingOf = (model: OnnxModule, tokenizer: string, { maximumLength }: Options): Reading =>
  textReading(model, tokenizer, maximumLength);

/** Trains a model of an .onnx file on labelled data of the user's own. */
export const finetune = defineExperiment({
  name: "finetune",
  title: "Fine-tuning: an .onnx file learns classes of your own",
  chapter: "finetuning",
  options: schema,

  async run(context, options) {
    const { folder, seed, device } = context;
    const model = await loadOnnx(options.model, { lift: "batch" });
    const tokenizer = tokenizerBeside(options.model, options.tokenizer);
    const reading = readingOf(model, tokenizer, options);

    // Data
    const read = async (source: string): Promise<Labelled> => {
      const table = await datasets.readCsv(source);
      const [texts, labels] = [table.column(options.text), table.column(options.label)];
      return { examples: await Promise.all(texts.map((text) => reading.read(text))), labels };
    };
    const all = await read(options.data);
    const names = classNames(all);
    const test = options.test === undefined ? undefined : await read(options.test);
    if (test) checkClasses(names, test, options.test as string);
    const parts = heldOutOf(all, options.validationShare, data.shuffledIndices(all.labels.length, seed, 0));
    context.print(
      `${all.labels.length} ${reading.plural} of ${names.length} classes, ${parts.validation.labels.length} of them to validate`,
    );

    // Training
    const value = valueOf(model, options);
    const settings = tuneOptions(options);
    context.print(`the new head is fed with ${value}`);
    const tuned = await tune(context, { model, reading, value, pool: options.pool }, parts, names, settings, async (logits) => {
      // What cannot be written is not worth training.
      await onnxModel(exportable(reading, logits), reading.inputs, { limits: reading.limits });
    });

    // Report
    const indices = new Map(names.map((name, i) => [name, i]));
    const targetsOf = ({ labels }: Labelled) => labels.map((label) => indices.get(label) as number);
    const judged: Judged[] = [{ part: "validation", rows: tuned.validation, targets: targetsOf(parts.validation) }];
    if (test) judged.push({ part: "test", rows: await tuned.judge(test.examples), targets: targetsOf(test) });
    const figures = judged.map((each) => ({ part: each.part, ...figuresOf(each, names.length) }));
    const shown = {
      model: options.model,
      data: options.data,
      method: settings.method,
      trained: tuned.trained,
      epochs: settings.epochs,
      learningRate: settings.learningRate,
      batchSize: settings.batchSize,
      seed,
      device,
    };
    await exportOnnx(exportable(reading, tuned.logits), reading.inputs, folder.file(modelFile), { limits: reading.limits });
    await files.writeAtomically(folder.file(labelsFile), `${JSON.stringify(names, null, 2)}\n`);
    copyFileSync(tokenizer, folder.file(tokenizerFile));
    await files.writeAtomically(folder.file("report.md"), reportOf(`Fine-tuning of ${options.model}`, names, shown, judged));
    for (const { part, examples, accuracy, macroF1 } of figures) context.print("", { event: part, examples, accuracy, macroF1 });
    context.print(`\n${figuresTable(judged, names.length)}\n\nwritten: ${[modelFile, labelsFile, tokenizerFile, "report.md"].join(", ")}`);
  },

  predict: {
    text: "a text",

    async run(context, options, text) {
      const { folder, device } = context;
      const path = folder.file(modelFile);
      const model = await loadOnnx(path);
      const json = files.readJson(folder.file(labelsFile), largestLabels);
      check(json !== undefined, () => `${folder.shown} has no ${labelsFile}: the run has not ended`);
      const names = files.parseAs(z.array(z.string()), json, `${folder.file(labelsFile)} is damaged`);
      const reading = readingOf(model, folder.file(tokenizerFile), options);
      const judge = rowsOf((inputs) => model.forward(inputs).logits as Tensor, reading, device);
      const [row] = await judge([await reading.read(text)]);
      const probabilities = probabilitiesOf(row as Float32Array);
      const order = names
        .map((name, i) => ({ name, probability: probabilities[i] as number }))
        .sort((a, b) => b.probability - a.probability);
      const rows = order.slice(0, listed).map(({ name, probability }) => [name, probability.toFixed(4)]);
      context.print(fittedTable(["class", "probability"], rows), {
        event: "prediction",
        text,
        class: order[0]?.name,
        classes: order.slice(0, listed),
      });
    },
  },
});
