import { CommanderError } from "commander";
import { EndedWith, exitCodes } from "../ended.js";
import type { ListedExperiment } from "../experiment.js";
import { printable } from "../light.js";
import { printableLines } from "../output.js";
import { program } from "./program.js";

/**
 * Runs a command line and returns the exit code. An error of the user or of the system is printed as one line on stderr. Any other error
 * is a fault of ours and keeps its trace.
 */
export async function execute(experiments: readonly ListedExperiment[], words: readonly string[]): Promise<number> {
  try {
    await program(experiments, words).parseAsync([...words], { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof EndedWith) return error.exitCode;
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    if (isNoFault(error)) {
      process.stderr.write(`kasane: ${printable(error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " "))}\n`);
      return exitCodes.userError;
    }
    const trace = printableLines(String(error instanceof Error ? error.stack : error));
    process.stderr.write(`kasane: an unexpected error, in Kasane or in the experiment:\n${trace}\n`);
    return exitCodes.bug;
  }
}

/**
 * Whether an error is no fault of ours: wrong use, a complaint of the library, or of the system about a file.
 * The library is known by the error's name, so that it need not be loaded to say that a flag is unknown.
 */
const isNoFault = (error: unknown): error is Error =>
  error instanceof CommanderError || (error instanceof Error && (error.name === "KasaneError" || "syscall" in error));
