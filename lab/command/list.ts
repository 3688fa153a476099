import type { Experiment } from "../experiment.js";
import type { CommonFlags } from "./program.js";
import { table } from "./table.js";

/** Prints the experiments by chapter. */
export function listExperiments(experiments: readonly Experiment[], { json }: Pick<CommonFlags, "json">): void {
  if (json) {
    for (const { name, title, chapter } of experiments) process.stdout.write(`${JSON.stringify({ name, title, chapter })}\n`);
    return;
  }
  const rows = experiments.map(({ name, title, chapter }) => [chapter, name, title]);
  process.stdout.write(
    `${table(["chapter", "experiment", "what it does"], rows)}\n\nRun one with: kasane run EXPERIMENT (--help shows its options)\n`,
  );
}
