import type { ListedExperiment } from "../experiment.js";
import { fittedTable } from "../layout.js";
import { print, printJson } from "../output.js";
import type { CommonFlags } from "./commonFlags.js";

/** Prints the experiments by chapter. */
export function listExperiments(experiments: readonly ListedExperiment[], { json }: Pick<CommonFlags, "json">): void {
  if (json) {
    for (const { name, title, chapter, asks } of experiments) printJson({ name, title, chapter, asks });
    return;
  }
  const rows = experiments.map(({ name, title, chapter, asks }) => [
    chapter ?? "",
    name,
    asks ? `${title}\n  predict takes ${asks}` : title,
  ]);
  const table = fittedTable(["chapter", "experiment", "what it does"], rows);
  print(`${table}\n\nRun one with: kasane run EXPERIMENT (--help shows its options)\nAsk its run with: kasane predict RUN TEXT`);
}
