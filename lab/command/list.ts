import { spawnSync } from "node:child_process";
import { devices } from "kasane";
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

/** Prints the devices that `--device` takes on this machine. */
export async function listDevices({ json }: Pick<CommonFlags, "json">): Promise<void> {
  const offered = await devices();
  process.stdout.write(json ? `${JSON.stringify({ devices: offered })}\n` : `${offered.join("\n")}\n`);
}

/** The devices of this machine, asked for in another process: drivers that fail write to stderr, past Node. */
export function quietDevices(): string[] {
  const words = [...process.execArgv, process.argv[1] as string, "devices", "--json"];
  const { stdout } = spawnSync(process.execPath, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return (JSON.parse(stdout) as { devices: string[] }).devices;
}
