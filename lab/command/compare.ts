import { resolve } from "node:path";
import { check } from "kasane";
import { fittedTable } from "../layout.js";
import { print, printJson } from "../output.js";
import { seriesOf } from "../plot/chart.js";
import { drawTerminal } from "../plot/terminal.js";
import { RunFolder } from "../runFolder.js";
import type { CommonFlags } from "./commonFlags.js";
import { curvesOf, readMetrics, showNumber, summarise } from "./figures.js";
import { showOption } from "./show.js";
import { unknownName } from "./unknownName.js";

/** Prints the options in which runs differ, their last figures, and the curves of one figure in one chart. */
export function compareRuns(names: readonly string[], { runs, json, figure }: CommonFlags & { readonly figure?: string }): void {
  const folders = names.map((name) => RunFolder.open(name, runs));
  check(new Set(folders.map(({ path }) => resolve(path))).size === names.length, () => "compare: got a run twice, expected each once");
  check(folders.length > 1, () => "compare: got one run, expected two or more (kasane show is for one)");
  const metrics = folders.map(readMetrics);
  const options = differences(folders);
  const figures = lastFigures(folders);
  const curves = metrics.map(curvesOf);
  const every = [...new Set(curves.flat())];
  if (figure !== undefined && !every.includes(figure)) throw unknownName("figure", figure, every, "kasane show");
  if (json) {
    printJson({ folders: folders.map(({ path }) => path), options, figures });
    return;
  }
  const headings = folders.map(({ name }) => name);
  const differing = options.map(({ name, values }) => [name, ...values.map((value) => (value === undefined ? "" : showOption(value)))]);
  const lasts = figures.map(({ name, values }) => [name, ...values.map((value) => (value === undefined ? "" : showNumber(value)))]);
  if (differing.length > 0) print(`${fittedTable(["option", ...headings], differing)}\n`);
  else print("the options are the same\n");
  print(fittedTable(["last figure", ...headings], lasts));

  const drawn = figure ?? every.find((name) => curves.every((each) => each.includes(name))) ?? every[0];
  if (drawn === undefined) return;
  const series = folders.map((folder, i) => seriesOf(metrics[i] ?? [], drawn, folder.name));
  print(`\n${drawTerminal({ title: `${folders.length} runs`, xLabel: "step", yLabel: drawn, series })}`);
}

/** The settings that are not the same in all runs, with the value in each; a run of another experiment may lack one. */
function differences(folders: readonly RunFolder[]): { name: string; values: unknown[] }[] {
  const settings = folders.map(({ config: { experiment, seed, device, threads, options } }) =>
    Object.entries({ experiment, seed, device, threads, ...options }),
  );
  const maps = settings.map((entries) => new Map<string, unknown>(entries));
  const names = [...new Set(maps.flatMap((map) => [...map.keys()]))];
  return names
    .map((name) => ({ name, values: maps.map((map) => map.get(name)) }))
    .filter(({ values }) => new Set(values.map((value) => JSON.stringify(value))).size > 1);
}

/** The last value of each figure in each run, undefined where a run has none. */
export function lastFigures(folders: readonly RunFolder[]): { name: string; values: (number | undefined)[] }[] {
  const lasts = folders.map((folder) => new Map(summarise(folder.metrics.read()).map(({ name, last }) => [name, last.value])));
  const names = [...new Set(lasts.flatMap((map) => [...map.keys()]))];
  return names.map((name) => ({ name, values: lasts.map((map) => map.get(name)) }));
}
