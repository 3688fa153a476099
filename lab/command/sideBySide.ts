import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { availableParallelism, constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath, pathToFileURL } from "node:url";
import { RunFolder } from "../runFolder.js";
import type { CommonFlags } from "./program.js";
import { summarise } from "./show.js";
import { showNumber, table } from "./table.js";

/** Ends a command that could not end well, and has told why. */
export class EndedWith extends Error {
  constructor(readonly exitCode: number) {
    super(`ended with exit code ${exitCode}`);
  }
}

/** What the line begins with by which a run tells its folder. */
export const folderLine = "run folder: ";

/**
 * Runs a command line once for each seed, each in a process of its own with its share of the cores, as many at a time as there are cores.
 * Small steps gain little by a second thread, so this takes much less time than the runs one after the other with all threads.
 * In the end the figures of all are set beside each other.
 * @param words the command line
 * @throws EndedWith where a run did not come to its end; what it said has been passed on
 */
export async function runSideBySide(
  words: readonly string[],
  { threads, json = false, runs }: CommonFlags & { readonly threads?: string },
  seeds: readonly number[],
): Promise<void> {
  const cores = availableParallelism();
  const share = threads ?? `${Math.max(1, Math.floor(cores / seeds.length))}`;
  const folders = new Map<number, string>();
  const waiting = [...seeds];
  let exitCode = 0;
  const one = async () => {
    for (let seed = waiting.shift(); seed !== undefined && exitCode === 0; seed = waiting.shift()) {
      const onFolder = (folder: string) => folders.set(seed as number, folder);
      // Of a flag that is given twice the last counts.
      const code = await runOne([...words, "--seed", `${seed}`, "--threads", share], seed, json, onFolder);
      if (exitCode === 0) exitCode = code;
    }
  };
  await Promise.all(Array.from({ length: Math.min(cores, seeds.length) }, one));
  if (exitCode !== 0) throw new EndedWith(exitCode);

  const made = seeds.map((seed) => RunFolder.open(folders.get(seed) as string, runs));
  const figures = made.map((run) => new Map(summarise(run.metrics.read()).map(({ name, last }) => [name, last.value])));
  const rows = [...(figures[0]?.keys() ?? [])].map((name) => {
    const values = figures.map((each) => each.get(name) ?? Number.NaN);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
    return { name, values, mean, deviation };
  });
  if (json) {
    process.stdout.write(`${JSON.stringify({ event: "seeds", seeds, folders: made.map(({ path }) => path), figures: rows })}\n`);
    return;
  }
  const headings = ["last figure", ...seeds.map((seed) => `seed ${seed}`), "mean", "standard deviation"];
  const texts = rows.map(({ name, values, mean, deviation }) => [name, ...[...values, mean, deviation].map(showNumber)]);
  process.stdout.write(`\n${table(headings, texts)}\n\nfinished: ${made.map(({ shown }) => shown).join(",")}\n`);
}

/** Runs the command in a process of its own, says of each line that it writes which seed's it is, and gives the exit code. */
async function runOne(words: readonly string[], seed: number, json: boolean, onFolder: (folder: string) => void): Promise<number> {
  // In a group of its own, so that an interrupt from the terminal comes once, from here.
  const child = spawn(process.execPath, [...entry(), ...words], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, forward);
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const lines = async (stream: Readable, each: (line: string) => void) => {
    for await (const line of createInterface({ input: stream })) each(line);
  };
  try {
    await Promise.all([
      lines(child.stdout, (line) => {
        const event = json ? JSON.parse(line) : undefined;
        if (event?.event === "run") onFolder(event.folder);
        if (line.startsWith(folderLine)) onFolder(line.slice(folderLine.length));
        process.stdout.write(json ? `${JSON.stringify({ seed, ...event })}\n` : `seed ${seed}: ${line}\n`);
      }),
      lines(child.stderr, (line) => process.stderr.write(`seed ${seed}: ${line}\n`)),
    ]);
    const [code, signal] = await ended;
    return code ?? 128 + constants.signals[signal as NodeJS.Signals];
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, forward);
  }
}

/** What Node is given to run this command, from what was built or from the sources. */
function entry(): string[] {
  const built = fileURLToPath(new URL("../main.js", import.meta.url));
  if (import.meta.url.endsWith(".js")) return [built];
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  return ["--import", loader, built.replace(/js$/, "ts")];
}
