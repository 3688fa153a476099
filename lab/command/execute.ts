import { CommanderError } from "commander";
import { KasaneError, printable } from "kasane";
import { train } from "kasane/node";
import { Interrupted } from "../context.js";
import type { Experiment } from "../experiment.js";
import { program } from "./program.js";
import { EndedWith } from "./sideBySide.js";

/** What the command ends with, as shells know them. */
export const exitCodes = { ok: 0, bug: 1, userError: 2 } as const;

/**
 * Does what the words of a command line say, and gives the exit code. What the user got wrong is one line on stderr;
 * any other error is a fault of ours and keeps its trace.
 */
export async function execute(experiments: readonly Experiment[], words: readonly string[]): Promise<number> {
  try {
    await program(experiments, words).parseAsync([...words], { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    if (error instanceof CommanderError || error instanceof KasaneError) {
      process.stderr.write(`kasane: ${printable(error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " "))}\n`);
      return exitCodes.userError;
    }
    if (error instanceof Interrupted) return train.exitCodeOf(error.signal);
    if (error instanceof EndedWith) return error.exitCode;
    const trace = String(error instanceof Error ? error.stack : error)
      .split("\n")
      .map(printable)
      .join("\n");
    process.stderr.write(`kasane: this is a fault of Kasane, not of yours:\n${trace}\n`);
    return exitCodes.bug;
  }
}
