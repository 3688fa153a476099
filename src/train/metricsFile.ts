import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync, truncateSync, writeFileSync } from "node:fs";
import { writing } from "../files/fileError.js";
import { readIfThere } from "../files/readFile.js";
import { check, excerpt, printable } from "../graph/error.js";

/** The figures recorded at one step. */
export interface Metrics extends Readonly<Record<string, number>> {
  readonly step: number;
}

/** The largest file of figures that is read, in bytes: millions of records. */
const largestFile = 256 * 2 ** 20;

/** A run's figures as a file of JSON lines, one a record: `{"step":100,"loss":0.25}`. Node only. */
export class MetricsFile {
  constructor(readonly file: string) {}

  /**
   * Adds a line; the folder exists.
   * @throws KasaneError where a figure has no proper name or value, or the file cannot be written
   */
  append(metrics: Metrics): void {
    check(isStep(metrics.step), () => `${this.file}: got step ${metrics.step}, expected an integer from 0`);
    const { step, ...figures } = metrics;
    checkFigures(figures, this.file);
    this.open((descriptor) => {
      const { size } = fstatSync(descriptor);
      const end = Buffer.alloc(1, "\n");
      if (size > 0) readSync(descriptor, end, 0, 1, size - 1);
      // A line that a crash cut off must not swallow this one.
      writeFileSync(descriptor, `${end.toString() === "\n" ? "" : "\n"}${lineOf(metrics)}`);
    });
  }

  /** What was recorded; empty where there is no file. Damaged lines, such as one that a crash cut off, are skipped. */
  read(): Metrics[] {
    return this.lines().flatMap((line) => parseLine(line) ?? []);
  }

  /** A message that says how many lines {@link read} skips; undefined where there are none. */
  damage(): string | undefined {
    const count = this.lines().filter((line) => parseLine(line) === undefined).length;
    return count === 0 ? undefined : `${printable(this.file)}: ${count} damaged ${count === 1 ? "line is" : "lines are"} skipped`;
  }

  /** Forces what was recorded to the disk, and gives the size of the file for {@link truncate}. */
  sync(): number {
    if (!existsSync(this.file)) return 0;
    return this.open((descriptor) => {
      fsyncSync(descriptor);
      return fstatSync(descriptor).size;
    });
  }

  /** Takes back what was recorded when the file had more than `size` bytes: a resumed run records it again. */
  truncate(size: number): void {
    if (this.sync() > size) writing(this.file, () => truncateSync(this.file, size));
  }

  private lines(): string[] {
    const text = readIfThere(this.file, largestFile)?.toString() ?? "";
    return text.split("\n").filter((line) => line !== "");
  }

  private open<T>(body: (descriptor: number) => T): T {
    return writing(this.file, () => {
      const descriptor = openSync(this.file, "a+");
      try {
        return body(descriptor);
      } finally {
        closeSync(descriptor);
      }
    });
  }
}

/**
 * Throws unless figures can be recorded. The name `step` is the record's own; `__proto__` does not work as a name in JavaScript.
 * @param origin how the error begins
 */
export function checkFigures(figures: Readonly<Record<string, unknown>>, origin: string): void {
  for (const [name, value] of Object.entries(figures)) {
    const isName = isFigureName(name) && name !== "step";
    check(isName, () => `${origin}: a figure is named "${excerpt(name)}": expected another name, without control characters`);
    check(typeof value === "number", () => `${origin}: ${name} is ${excerpt(String(value))}, expected a number`);
  }
}

const isStep = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const isFigureName = (name: string): boolean => name !== "" && name !== "__proto__" && printable(name) === name;

/** JSON has no infinities and no NaN. They are written as strings, so that a loss that exploded is recorded. */
const lineOf = (metrics: Metrics): string =>
  `${JSON.stringify(metrics, (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value))}\n`;

const nonFinite: readonly unknown[] = ["NaN", "Infinity", "-Infinity"];

/** Undefined where a line is no record. */
function parseLine(line: string): Metrics | undefined {
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record !== "object" || record === null || !("step" in record) || !isStep(record.step)) return undefined;
    const figures = Object.entries(record).map(([name, value]) => [name, nonFinite.includes(value) ? Number(value) : value] as const);
    const isWhole = figures.every(([name, value]) => isFigureName(name) && typeof value === "number");
    return isWhole ? (Object.fromEntries(figures) as Metrics) : undefined;
  } catch {
    return undefined;
  }
}
