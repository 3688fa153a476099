#!/usr/bin/env node
import { CommanderError } from "commander";
import { KasaneError } from "kasane";
import { program } from "./command/program.js";
import { Interrupted } from "./context.js";
import { experiments } from "./experiments.js";

/** What the command ends with, as shells know them. */
const exitCodes = { ok: 0, bug: 1, userError: 2, interrupted: 130 } as const;

// A reader that has seen enough, such as head, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCodes.ok);
});

async function main(words: readonly string[]): Promise<number> {
  try {
    await program(experiments).parseAsync([...words], { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    if (error instanceof CommanderError || error instanceof KasaneError) {
      process.stderr.write(`kasane: ${error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ")}\n`);
      return exitCodes.userError;
    }
    if (error instanceof Interrupted) return exitCodes.interrupted;
    process.stderr.write(`kasane: this is a fault of Kasane, not of yours:\n${error instanceof Error ? error.stack : String(error)}\n`);
    return exitCodes.bug;
  }
}

process.exitCode = await main(process.argv.slice(2));
