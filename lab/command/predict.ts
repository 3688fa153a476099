import { Command } from "commander";
import { check } from "kasane";
import { z } from "zod";
import { PredictContext } from "../context.js";
import type { Experiment } from "../experiment.js";
import { RunFolder } from "../runFolder.js";
import { completeOptions, flagsOf, readFlags } from "./flags.js";
import type { CommonFlags } from "./program.js";
import { checkData, findExperiment } from "./run.js";

/** What `kasane predict` was given; `rest` are the flags that belong to the run's experiment. */
interface PredictRequest {
  readonly name: string;
  readonly text: string | undefined;
  readonly flags: CommonFlags & { readonly data?: string };
  readonly rest: readonly string[];
}

/** Asks the model of a run. */
export async function predict(experiments: readonly Experiment[], { name, text, flags, rest }: PredictRequest): Promise<void> {
  const folder = RunFolder.open(name, flags.runs);
  const experiment = findExperiment(experiments, folder.config.experiment);
  const { predict: prediction } = experiment;
  check(prediction !== undefined, () => `predict: ${experiment.name} has nothing to predict: see kasane show ${folder.shown}`);
  check(text !== undefined, () => `predict: no text given: expected ${prediction.text}`);
  checkData(flags.data);
  const schema = prediction.options ?? z.object({});
  const parser = new Command("predict")
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .helpOption(false);
  for (const option of flagsOf(schema)) parser.addOption(option);
  parser.parse([...rest], { from: "user" });
  const given = completeOptions(schema, readFlags(schema, parser.opts()), "predict");
  const options = completeOptions(experiment.options, folder.config.options, folder.file("config.json"));
  await prediction.run(new PredictContext(folder, { json: flags.json ?? false, data: flags.data }), options, text, given);
}
