import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { files } from "kasane/node";
import { EndedWith } from "../ended.js";
import { fittedTable } from "../layout.js";
import { exitCodeOf, printable } from "../light.js";
import { print, printJson } from "../output.js";
import { meanSeries, seriesOf } from "../plot/chart.js";
import { drawSvg } from "../plot/svg.js";
import { drawTerminal } from "../plot/terminal.js";
import { RunFolder } from "../runFolder.js";
import type { CommonFlags } from "./commonFlags.js";
import { lastFigures } from "./compare.js";
import { curvesOf, readMetrics, showNumber } from "./figures.js";

/** The beginning of the line in which a run prints its folder. */
export const folderLine = "run folder: ";

const signals = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs a command line once for each seed, each in a process of its own with its share of the cores, as many at a time as there are cores.
 * Small steps gain little by a second thread, so this takes much less time than the runs one after the other with all threads.
 * In the end the figures of all are set beside each other, and the mean of the first figure that all have a curve of is drawn, with its deviation.
 * @param words the command line
 * @throws EndedWith where a run failed or was interrupted; its output has been passed on
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
  const running = new Set<ChildProcess>();
  let exitCode = 0;
  const one = async () => {
    for (let seed = waiting.shift(); seed !== undefined && exitCode === 0; seed = waiting.shift()) {
      // The last of two equal flags counts. Each child has a process group of its own, so that an interrupt reaches it once, forwarded from here.
      const command = [...process.execArgv, process.argv[1] as string, ...words, "--seed", `${seed}`, "--threads", share];
      const child = spawn(process.execPath, command, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
      running.add(child);
      const { code, folder } = await passOn(child, seed, json);
      running.delete(child);
      if (folder !== undefined) folders.set(seed, folder);
      if (exitCode === 0) exitCode = code;
    }
  };
  const forward = (signal: NodeJS.Signals) => {
    for (const child of running) child.kill(signal);
  };
  for (const signal of signals) process.on(signal, forward);
  try {
    await Promise.all(Array.from({ length: Math.min(cores, seeds.length) }, one));
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
  if (exitCode !== 0) throw new EndedWith(exitCode);
  const made = seeds.map((seed) => RunFolder.open(folders.get(seed) as string, runs));
  await drawSeeds(made, json);
  compareSeeds(made, json);
}

/** Prints each line of a run with its seed in front; returns how it ended, and the folder that it printed. */
async function passOn(child: ChildProcess, seed: number, json: boolean): Promise<{ code: number; folder: string | undefined }> {
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  let folder: string | undefined;
  const lines = async (stream: Readable | null, each: (line: string) => void) => {
    for await (const line of createInterface({ input: stream as Readable })) each(line);
  };
  await Promise.all([
    lines(child.stdout, (line) => {
      if (json) {
        const event = JSON.parse(line);
        if (event.event === "run") folder = event.folder;
        printJson({ seed, ...event });
      } else {
        if (line.startsWith(folderLine)) folder = line.slice(folderLine.length);
        print(`seed ${seed}: ${line}`);
      }
    }),
    lines(child.stderr, (line) => process.stderr.write(`seed ${seed}: ${printable(line)}\n`)),
  ]);
  const [code, signal] = await ended;
  return { code: code ?? exitCodeOf(signal as NodeJS.Signals), folder };
}

/** Prints the last figures of runs beside each other, with their mean and their standard deviation. */
function compareSeeds(runs: readonly RunFolder[], json: boolean): void {
  const seeds = runs.map(({ config }) => config.seed);
  const rows = lastFigures(runs).map(({ name, values: found }) => {
    const values = found.map((value) => value ?? Number.NaN);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
    return { name, values, mean, deviation };
  });
  if (json) {
    printJson({ event: "seeds", seeds, folders: runs.map(({ path }) => path), figures: rows });
    return;
  }
  const headings = ["last figure", ...seeds.map((seed) => `seed ${seed}`), "mean", "standard deviation"];
  const texts = rows.map(({ name, values, mean, deviation }) => [name, ...[...values, mean, deviation].map(showNumber)]);
  print(`\n${fittedTable(headings, texts)}\n\nfinished: ${runs.map(({ shown }) => shown).join(",")}`);
}

/** Draws the mean curve of runs, in the terminal and as `seeds.svg` in the folder of the first. */
async function drawSeeds(runs: readonly RunFolder[], json: boolean): Promise<void> {
  const [first] = runs as readonly [RunFolder];
  const metrics = runs.map(readMetrics);
  const curves = metrics.map(curvesOf);
  const figure = curves[0]?.find((name) => curves.every((each) => each.includes(name)));
  if (figure === undefined || runs.length < 2) return;
  const series = [
    meanSeries(
      metrics.map((records) => seriesOf(records, figure)),
      `mean of ${runs.length} seeds`,
    ),
  ];
  const { experiment } = first.config;
  const chart = {
    title: `${experiment}: mean of ${runs.length} seeds, and a standard deviation on either side`,
    xLabel: "step",
    yLabel: figure,
    series,
  };
  const file = first.file("seeds.svg");
  await files.writeAtomically(file, drawSvg(chart));
  if (json) printJson({ event: "curve", figure, file });
  else print(`\n${drawTerminal(chart)}\n${printable(file)}`);
}
