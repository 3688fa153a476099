import { checkOptions } from "../graph/options.js";

/** Where progress is shown: `process.stderr`, or anything that takes text. */
export interface ProgressStream {
  /** Whether it is a terminal, whose last line can be written anew. */
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Shows text as it is. */
  write(text: string): unknown;
}

/** How much of something a step processes. */
export interface Work {
  readonly unit: string;
  readonly perStep: number;
}

/** Settings of {@link Progress}. */
export interface ProgressOptions {
  /** The number of steps there will be; without it no share and no remaining time are shown. */
  readonly total?: number;
  /** A unit that the rate is shown in, beside steps: `{ unit: "words", perStep: 400 }`. */
  readonly work?: Work;
  /** By default stderr, so that stdout carries results alone. */
  readonly stream?: ProgressStream;
}

/** Milliseconds between two drawings of the line in a terminal, and between two lines elsewhere. */
const terminalPeriod = 100;
const plainPeriod = 10_000;

/** Milliseconds over which the rate is measured. */
const rateWindow = 5_000;

/** One line with the progress of a run, its rate, the remaining time and its figures. */
export class Progress {
  /** The number of steps there will be, once it is known. */
  total: number | undefined;
  private readonly stream: ProgressStream;
  private readonly work: Work | undefined;
  private readonly period: number;
  private samples: { readonly time: number; readonly step: number }[] = [];
  private drawn = 0;
  private line = "";

  constructor(options: ProgressOptions = {}) {
    checkOptions<ProgressOptions>("Progress", options, { total: "optional", work: "optional", stream: "optional" });
    const { total, stream = process.stderr, work } = options;
    this.total = total;
    this.work = work;
    this.stream = stream;
    this.period = stream.isTTY ? terminalPeriod : plainPeriod;
    this.begin(0);
  }

  /** Starts measuring the rate, at this step. */
  begin(step: number): void {
    this.drawn = performance.now();
    this.samples = [{ time: this.drawn, step }];
  }

  /** Sets the number of steps made and the figures to show; drawn if the last drawing was long enough ago. */
  update(step: number, figures: Readonly<Record<string, number>> = {}): void {
    const time = performance.now();
    if (time - this.drawn < this.period) return;
    this.drawn = time;
    this.samples = [
      ...this.samples.filter((sample, i) => i === this.samples.length - 1 || time - sample.time < rateWindow),
      { time, step },
    ];
    const text = this.describe(step, figures);
    if (!this.stream.isTTY) {
      this.stream.write(`${text}\n`);
      return;
    }
    this.line = text.slice(0, (this.stream.columns ?? 80) - 1);
    this.stream.write(`${clearLine}${this.line}`);
  }

  /** Writes a line that stays, above the live one. */
  print(text: string): void {
    this.stream.write(this.line ? `${clearLine}${text}\n${this.line}` : `${text}\n`);
  }

  /** Takes the live line away. */
  end(): void {
    if (this.line) this.stream.write(clearLine);
    this.line = "";
  }

  private describe(step: number, figures: Readonly<Record<string, number>>): string {
    const [first] = this.samples as [{ time: number; step: number }];
    const rate = (1000 * (step - first.step)) / (this.drawn - first.time);
    const parts = [this.total === undefined ? `step ${step}` : `step ${step}/${this.total} ${Math.floor((100 * step) / this.total)}%`];
    parts.push(rate >= 1 || rate === 0 ? `${showFigure(rate)} steps/s` : `${showFigure(1 / rate)} s/step`);
    if (this.work) parts.push(`${Math.round(rate * this.work.perStep)} ${this.work.unit}/s`);
    if (this.total !== undefined && rate > 0) parts.push(`${showDuration((this.total - step) / rate)} left`);
    return [...parts, showFigures(figures)].filter((part) => part).join("  ");
  }
}

/** Back to the first column, and clear the line (ECMA-48: erase in line). */
const clearLine = "\r\x1b[2K";

/** `loss 0.1234  accuracy 0.98`. */
export const showFigures = (figures: Readonly<Record<string, number>>): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${showFigure(value)}`)
    .join("  ");

/** Four digits, without the zeros that say nothing. */
const showFigure = (value: number): string => (Number.isInteger(value) ? `${value}` : `${Number(value.toPrecision(4))}`);

/** `1:02:03` of seconds. */
export function showDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => `${n}`.padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
