import { fittedTable } from "../layout.js";
import { print, printJson } from "../output.js";
import { seriesOf } from "../plot/chart.js";
import { drawTerminal } from "../plot/terminal.js";
import { RunFolder } from "../runFolder.js";
import type { CommonFlags } from "./commonFlags.js";
import { curvesOf, readMetrics, type Summary, showNumber, summarise } from "./figures.js";
import { unknownName } from "./unknownName.js";

/** Prints a run's configuration, its figures, and the curve of one of them. */
export function showRun(name: string, { runs, json, figure }: CommonFlags & { readonly figure?: string }): void {
  const folder = RunFolder.open(name, runs);
  const metrics = readMetrics(folder);
  const summaries = summarise(metrics);
  const curves = curvesOf(metrics);
  if (figure !== undefined && !curves.includes(figure)) throw unknownName("figure", figure, curves, `kasane show ${folder.shown}`);
  if (json) {
    printJson({ folder: folder.path, ...folder.config, figures: summaries, metrics });
    return;
  }
  const { experiment, options, seed, device, started, finished } = folder.config;
  const settings = { experiment, started, state: finished ? "finished" : "unfinished", seed, device, ...options };
  const width = Object.keys(settings).reduce((most, key) => Math.max(most, key.length), 0);
  const lines = Object.entries(settings).map(([key, value]) => `${key.padEnd(width)}  ${showOption(value)}`);
  const at = ({ step, value }: Summary["last"]) => `${showNumber(value)} at ${step}`;
  const rows = summaries.map(({ name, last, lowest, highest }) => [name, at(last), at(lowest), at(highest)]);
  print(`${folder.shown}\n\n${lines.join("\n")}\n\n${fittedTable(["figure", "last", "lowest", "highest"], rows)}`);
  const drawn = figure ?? curves[0];
  if (drawn === undefined) return;
  const chart = { title: folder.name, xLabel: "step", yLabel: drawn, series: [seriesOf(metrics, drawn)] };
  print(`\n${drawTerminal(chart)}`);
}

/** A setting as it stands in a table. */
export const showOption = (value: unknown): string => (typeof value === "object" ? JSON.stringify(value) : String(value));
