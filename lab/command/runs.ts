import { check } from "kasane";
import { fittedTable } from "../layout.js";
import { print, printJson } from "../output.js";
import { RunFolder } from "../runFolder.js";
import type { CommonFlags } from "./commonFlags.js";
import { note, readMetrics, type Summary, showNumber, summarise } from "./figures.js";
import { unknownName } from "./unknownName.js";

interface RunsFlags extends CommonFlags {
  readonly sort?: string;
  readonly descending?: boolean;
}

/** A run and its last figures. */
interface Row {
  readonly folder: RunFolder;
  readonly figures: readonly Summary[];
}

/** Prints the run folders, by time or by a figure. */
export function listRuns({ runs, json, sort, descending = false }: RunsFlags): void {
  const folders = RunFolder.list(runs, (message) => note(`skipped: ${message}`));
  const rows = folders.flatMap((folder) => readRow(folder) ?? []);
  if (!json) check(rows.length > 0, () => `no runs in ${runs}: make one with kasane run, or name another folder with --runs DIR`);
  const sorted = sort === undefined ? (descending ? rows.reverse() : rows) : sortedBy(sort, rows, descending);
  if (json) {
    for (const { folder, figures } of sorted) printJson({ folder: folder.path, ...folder.config, figures });
    return;
  }
  const cells = sorted.map(({ folder, figures }) => {
    const { name, config } = folder;
    const ordered = [...figures].sort((a, b) => Number(b.name === sort) - Number(a.name === sort));
    const lasts = ordered.map(({ name, last }) => `${name} ${showNumber(last.value)}`);
    const step = figures.reduce((most, { last }) => Math.max(most, last.step), 0);
    const shown = figures.length === 0 ? [] : [`step ${step}`, ...lasts];
    return [name, config.started.slice(0, 16).replace("T", " "), config.finished ? "finished" : "unfinished", shown.join(", ")];
  });
  print(fittedTable(["run", "started (UTC)", "state", "last figures"], cells));
}

/** Undefined where the figures cannot be read; then a remark says so. */
function readRow(folder: RunFolder): Row | undefined {
  try {
    return { folder, figures: summarise(readMetrics(folder)) };
  } catch (error) {
    return note(`skipped: ${(error as Error).message}`);
  }
}

/** Runs without the figure, or with NaN, come last. */
function sortedBy(figure: string, rows: readonly Row[], descending: boolean): Row[] {
  const names = [...new Set(rows.flatMap(({ figures }) => figures.map(({ name }) => name)))];
  if (!names.includes(figure)) throw unknownName("figure", figure, names, "kasane runs");
  const valueOf = ({ figures }: Row) => {
    const value = figures.find(({ name }) => name === figure)?.last.value ?? Number.NaN;
    return Number.isNaN(value) ? Number.POSITIVE_INFINITY : descending ? -value : value;
  };
  return [...rows].sort((a, b) => (valueOf(a) < valueOf(b) ? -1 : valueOf(a) > valueOf(b) ? 1 : 0));
}
