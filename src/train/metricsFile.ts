import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { writeAtomically } from "../files/atomicWrite.js";

/** The figures recorded at one step. */
export interface Metrics extends Readonly<Record<string, number>> {
  readonly step: number;
}

/** A run's figures as a file of JSON lines, one a record: `{"step":100,"loss":0.25}`. Node only. */
export class MetricsFile {
  constructor(readonly file: string) {}

  /** Adds a line; the folder exists. */
  append(metrics: Metrics): void {
    appendFileSync(this.file, lineOf(metrics));
  }

  /** What was recorded; empty where there is no file. A line that a crash cut off is passed over. */
  read(): Metrics[] {
    if (!existsSync(this.file)) return [];
    return readFileSync(this.file, "utf8").split("\n").flatMap(parseLine);
  }

  /** Takes back what was recorded after `step`: a resumed run records it again. */
  async forgetAfter(step: number): Promise<void> {
    if (!existsSync(this.file)) return;
    const kept = this.read().filter((metrics) => metrics.step <= step);
    await writeAtomically(this.file, kept.map(lineOf).join(""));
  }
}

/** JSON has no infinities and no NaN; that a loss exploded must still be seen. */
const lineOf = (metrics: Metrics): string =>
  `${JSON.stringify(metrics, (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value))}\n`;

const nonFinite = ["NaN", "Infinity", "-Infinity"];

function parseLine(line: string): Metrics[] {
  try {
    const value: unknown = JSON.parse(line, (_, item) => (nonFinite.includes(item) ? Number(item) : item));
    return typeof value === "object" && value !== null && "step" in value ? [value as Metrics] : [];
  } catch {
    return [];
  }
}
