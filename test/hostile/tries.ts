import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KasaneError, printable } from "kasane";
import { commandKinds } from "./command.js";
import { fileKinds, type Kind } from "./files.js";
import { processKinds } from "./process.js";
import { Choices } from "./random.js";

export const kinds: Readonly<Record<string, Kind>> = { ...fileKinds, ...commandKinds, ...processKinds };

/** How a number of tries ended. */
export interface Outcome {
  readonly taken: number;
  readonly refused: number;
  /** What was neither taken nor refused in one line, by the seed of its try. */
  readonly faults: readonly string[];
}

/** The longest message and the longest time, in milliseconds, that are no fault. */
const longestMessage = 1500;
const longestTry = 60_000;

/** Tries hostile inputs of a kind: each must be taken, or refused with one line. */
export async function tryAll(name: string, seed: number, tries: number): Promise<Outcome> {
  const kind = kinds[name] as Kind;
  const parent = mkdtempSync(join(tmpdir(), "kasane-hostile-"));
  const outcome = { taken: 0, refused: 0, faults: [] as string[] };
  for (let i = 0; i < tries; i++) {
    const folder = mkdtempSync(join(parent, "try-"));
    const start = performance.now();
    try {
      await kind(new Choices((seed + i * 7919) >>> 0), folder);
      outcome.taken++;
    } catch (error) {
      const fault = faultOf(error);
      if (fault === undefined) outcome.refused++;
      else outcome.faults.push(`seed ${seed + i * 7919}: ${fault}`);
    }
    const time = performance.now() - start;
    if (time > longestTry) outcome.faults.push(`seed ${seed + i * 7919}: took ${time} ms`);
    rmSync(folder, { recursive: true, force: true });
  }
  rmSync(parent, { recursive: true, force: true });
  return outcome;
}

/** Undefined where an error is one line of a KasaneError. */
function faultOf(error: unknown): string | undefined {
  if (!(error instanceof KasaneError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const { message } = error;
  if (printable(message) !== message) return `a message with control characters: ${printable(message)}`;
  return message.length > longestMessage ? `a message of ${message.length} characters: ${message.slice(0, 300)}` : undefined;
}
