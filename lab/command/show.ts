import { KasaneError } from "kasane";
import type { train } from "kasane/node";
import { seriesOf } from "../plot/chart.js";
import { drawTerminal } from "../plot/terminal.js";
import { RunFolder } from "../runFolder.js";
import type { CommonFlags } from "./program.js";
import { showNumber, table } from "./table.js";

/** One figure over a run. */
interface Summary {
  readonly name: string;
  readonly last: { readonly step: number; readonly value: number };
  readonly lowest: { readonly step: number; readonly value: number };
  readonly highest: { readonly step: number; readonly value: number };
}

/** Prints the run folders, oldest first. */
export function listRuns({ runs, json }: CommonFlags): void {
  const folders = RunFolder.list(runs);
  if (json) {
    for (const { path, config } of folders) process.stdout.write(`${JSON.stringify({ folder: path, ...config })}\n`);
    return;
  }
  if (folders.length === 0) throw new KasaneError(`no runs in ${runs}: make one with kasane run, or name another folder with --runs DIR`);
  const rows = folders.map((folder) => {
    const metrics = folder.metrics.read();
    const lasts = summarise(metrics).map(({ name, last }) => `${name} ${showNumber(last.value)}`);
    const figures = metrics.length === 0 ? "" : [`step ${metrics.at(-1)?.step}`, ...lasts].join(", ");
    return [folder.name, folder.config.started.slice(0, 16).replace("T", " "), folder.config.finished ? "finished" : "unfinished", figures];
  });
  process.stdout.write(`${table(["run", "started (UTC)", "state", "last figures"], rows)}\n`);
}

/** Prints a run's configuration, what its figures came to, and the curve of the first of them. */
export function showRun(name: string, { runs, json }: CommonFlags): void {
  const folder = RunFolder.open(name, runs);
  const metrics = folder.metrics.read();
  const summaries = summarise(metrics);
  if (json) {
    process.stdout.write(`${JSON.stringify({ folder: folder.path, ...folder.config, figures: summaries, metrics })}\n`);
    return;
  }
  const { experiment, options, seed, device, started, finished } = folder.config;
  const settings = { experiment, started, state: finished ? "finished" : "unfinished", seed, device, ...options };
  const width = Math.max(...Object.keys(settings).map((key) => key.length));
  const lines = Object.entries(settings).map(([key, value]) => `${key.padEnd(width)}  ${String(value)}`);
  const at = ({ step, value }: Summary["last"]) => `${showNumber(value)} at ${step}`;
  const rows = summaries.map(({ name: figure, last, lowest, highest }) => [figure, at(last), at(lowest), at(highest)]);
  process.stdout.write(`${folder.shown}\n\n${lines.join("\n")}\n\n${table(["figure", "last", "lowest", "highest"], rows)}\n`);
  const curve = summaries.find((summary) => metrics.filter((line) => summary.name in line).length > 1);
  if (!curve) return;
  const series = [seriesOf(metrics, curve.name)];
  process.stdout.write(`\n${drawTerminal({ title: folder.name, xLabel: "step", yLabel: curve.name, series })}\n`);
}

/** Each figure of a run's, in the order in which they were first recorded. */
export function summarise(metrics: readonly train.Metrics[]): Summary[] {
  const names = new Set(metrics.flatMap((line) => Object.keys(line)));
  names.delete("step");
  return [...names].map((name) => {
    const points = metrics.filter((line) => name in line).map((line) => ({ step: line.step, value: line[name] as number }));
    const [first] = points as [Summary["last"], ...Summary["last"][]];
    return {
      name,
      last: points.at(-1) ?? first,
      lowest: points.reduce((a, b) => (b.value < a.value ? b : a), first),
      highest: points.reduce((a, b) => (b.value > a.value ? b : a), first),
    };
  });
}
