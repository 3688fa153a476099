import { onnxModel, type Tensor } from "kasane";
import { exportOnnx, files } from "kasane/node";
import type { Context } from "../context.js";
import type { ClassifierParts } from "./classifier.js";
import { classIndices } from "./parts.js";
import { labelsFile, modelFile } from "./predictClass.js";
import type { Inputs, Labelled, Reading } from "./reading.js";
import { figuresOf, figuresTable, type Judged, reportOf } from "./report.js";
import { type TuneOptions, tune } from "./tune.js";

/** What is trained on what. */
export interface Job {
  /** What the report is headed by. */
  readonly title: string;
  readonly parts: ClassifierParts;
  /** The names of the classes. */
  readonly names: readonly string[];
  readonly train: Labelled;
  readonly validation: Labelled;
  readonly test?: Labelled | undefined;
  readonly settings: TuneOptions;
}

const reportFile = "report.md";

/** A function of tensors in the order of the reading's inputs, as an export asks for. */
const exportable =
  ({ inputs }: Reading, logits: (inputs: Inputs) => Tensor) =>
  (...tensors: Tensor[]) => ({ logits: logits(Object.fromEntries(Object.keys(inputs).map((name, i) => [name, tensors[i] as Tensor]))) });

/** Trains, judges, and leaves in the run folder the model, the names of its classes, what it reads examples by, and a report. */
export async function trainAndReport(context: Context, job: Job): Promise<readonly Judged[]> {
  const { folder, seed, device } = context;
  const { title, parts, names, train, validation, test, settings } = job;
  const { reading } = parts;
  const counts = `${train.labels.length} ${reading.plural} of ${names.length} classes to train on, ${validation.labels.length} to validate`;
  context.print(`${counts}${test ? `, ${test.labels.length} to test` : ""}; the new head is fed with ${parts.value}`);
  const { limits } = reading;
  const tuned = await tune(context, parts, { train, validation }, names, settings, async (logits) => {
    // What cannot be written is not worth training.
    await onnxModel(exportable(reading, logits), reading.inputs, { limits });
  });

  const judged: Judged[] = [{ part: "validation", rows: tuned.validation, targets: classIndices(names, validation) }];
  if (test) judged.push({ part: "test", rows: await tuned.judge(test.examples), targets: classIndices(names, test) });
  const { method, epochs, learningRate, batchSize } = settings;
  const shown = { method, "trained elements": tuned.trained, epochs, "learning rate": learningRate, "batch size": batchSize, seed, device };
  await exportOnnx(exportable(reading, tuned.logits), reading.inputs, folder.file(modelFile), { limits });
  const written = {
    [labelsFile]: `${JSON.stringify(names, null, 2)}\n`,
    [reportFile]: reportOf(title, names, shown, judged),
    ...reading.files,
  };
  for (const [name, content] of Object.entries(written)) await files.writeAtomically(folder.file(name), content);
  for (const each of judged) {
    const { examples, accuracy, macroF1 } = figuresOf(each, names.length);
    context.print("", { event: each.part, examples, accuracy, macroF1 });
  }
  context.print(`\n${figuresTable(judged, names.length)}\n\nwritten: ${[modelFile, ...Object.keys(written)].join(", ")}`);
  return judged;
}
