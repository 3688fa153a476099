import { existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { check, type Device } from "kasane";
import { datasets, files, train } from "kasane/node";
import { Interrupted } from "./ended.js";
import { invocation } from "./invocation.js";
import { print, printJson } from "./output.js";
import type { Chart } from "./plot/chart.js";
import { drawSvg } from "./plot/svg.js";
import { drawTerminal } from "./plot/terminal.js";
import type { RunFolder } from "./runFolder.js";

/** Settings of a run or a prediction. */
export interface ContextOptions {
  /** Whether stdout carries JSON lines, for machines, in place of text. */
  readonly json: boolean;
  /** A folder to look for datasets in; without, the one that the run was given. */
  readonly data?: string | undefined;
  /** What the user is told to do to go on with an interrupted run. */
  readonly howToResume?: string;
  /** Whether the records of steps hold the time that a step takes. */
  readonly recordTimes?: boolean;
}

/** What an experiment's prediction is given: the run that was trained, and a way to say what it predicts. */
export class PredictContext {
  constructor(
    readonly folder: RunFolder,
    protected readonly settings: ContextOptions,
  ) {}

  /** The device that computes. */
  get device(): Device {
    return this.folder.config.device as Device;
  }

  /** The seed of all random numbers. */
  get seed(): number {
    return this.folder.config.seed;
  }

  /** Writes `text` to stdout; with `--json` writes `record` instead, if there is one, as one line. */
  print(text: string, record?: Readonly<Record<string, unknown>>): void {
    if (!this.settings.json) print(text);
    else if (record) printJson(record);
  }

  /** How many lines the last frame had. */
  private frameLines = 0;

  /**
   * Shows a picture of something that moves: on a terminal in place of the one before, for a time, elsewhere below it. With `--json` writes `record`.
   */
  async frame(text: string, record: Readonly<Record<string, unknown>>, milliseconds: number): Promise<void> {
    const isLive = process.stdout.isTTY && !this.settings.json;
    if (isLive && this.frameLines > 0) process.stdout.write(`\x1b[${this.frameLines}A\x1b[J`);
    this.print(isLive ? text : `${text}\n`, record);
    this.frameLines = text.split("\n").length;
    if (isLive) await new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  /** The bytes of a dataset's files, from the folder given with `--data`, now or to the run, the cache or the dataset's home. */
  dataset(dataset: datasets.Dataset): Promise<Map<string, Uint8Array>> {
    return datasets.readDataset(dataset, { folder: this.data, onDownload: showDownload });
  }

  /** @throws KasaneError where the folder that the run was given is gone */
  private get data(): string | undefined {
    const { data = this.folder.config.data } = this.settings;
    const isThere = data === undefined || existsSync(data);
    check(isThere, () => `${this.folder.shown} had its data in ${data}, which is gone: say where it is with --data DIR`);
    return data;
  }

  /**
   * Where a dataset's file lies that has no public home: in the folder given with `--data`, or the cache.
   * @throws KasaneError where it is in neither
   */
  dataFile(name: string): string {
    const { data } = this;
    const places = [...(data === undefined ? [] : [data]), datasets.defaultCache()];
    const found = places.map((place) => join(place, name)).find((file) => existsSync(file));
    check(found !== undefined, () => `${name} is not found: put it into ${places.join(" or ")}, or say where datasets are with --data`);
    return found;
  }

  /**
   * Sets the model to what the run has saved.
   * @param state `{ model }`: what is not named is not loaded
   * @param which the last state, or the best by the figure that the experiment chose
   * @param part the folder within the run's, of an experiment that trains several models
   */
  async restore(state: Readonly<Record<string, train.Stateful>>, which: "last" | "best" = "last", part = ""): Promise<void> {
    await train.loadCheckpoint(this.checkpoint(which, part), state);
  }

  /**
   * Which of several models have been trained; each has a folder of its own within the run's.
   * @throws KasaneError where none has
   */
  trained<Part extends string>(parts: readonly Part[], which: "last" | "best" = "last"): Part[] {
    const trained = parts.filter((part) => existsSync(this.folder.file(join(part, `${which}.safetensors`))));
    if (trained.length === 0) this.checkpoint(which, parts[0]);
    return trained;
  }

  /** @throws KasaneError where the run has saved none */
  protected checkpoint(which: "last" | "best", part = ""): string {
    const { shown, config } = this.folder;
    const name = join(part, `${which}.safetensors`);
    const file = this.folder.file(name);
    const anew = `it ended before it first saved that: start anew with ${invocation(["run", config.experiment])}`;
    check(existsSync(file), () => `${shown} has no ${name}: ${anew}`);
    return file;
  }
}

/** What an experiment is given: where it runs, where its results go, and a training loop that records, saves and resumes. */
export class Context extends PredictContext {
  private showsProgress = false;
  /** Writes TensorBoard's events in the run's folder; undefined until there is one. */
  private events: files.EventWriter | undefined;

  /** @param resuming whether the run goes on from its last checkpoint */
  constructor(
    folder: RunFolder,
    settings: ContextOptions,
    private readonly resuming: boolean,
  ) {
    super(folder, settings);
  }

  /** Prints in place of the live progress line, which is drawn again below. */
  override print(text: string, record?: Readonly<Record<string, unknown>>): void {
    if (this.showsProgress) process.stderr.write("\r\x1b[2K");
    this.showsProgress = false;
    super.print(text, record);
  }

  /**
   * Trains: {@link train.fit} in the run folder, resumed where the run is.
   * @throws Interrupted when the user stopped it; what was trained is saved by then
   */
  async fit<Batch>(options: train.FitOptions<Batch>): Promise<train.FitResult> {
    const { folder, resuming } = this;
    const { howToResume, recordTimes = false } = this.settings;
    if (resuming && options.folder === undefined) this.checkpoint("last");
    const part = options.folder === undefined ? undefined : new files.EventWriter(options.folder);
    const events = part ?? this.eventWriter();
    const record = async (metrics: train.Metrics) => {
      await options.on?.record?.(metrics);
      if (this.settings.json) this.print("", { event: "metrics", ...metrics });
    };
    const { isTTY, columns } = process.stderr;
    const write = (text: string) => {
      this.showsProgress = isTTY;
      process.stderr.write(text);
    };
    const progress = { isTTY, columns, write };
    try {
      // The folder belongs to this run alone: what is in it without a checkpoint was left by a killed one.
      const common = { folder: folder.path, config: folder.config, resume: resuming, overwrite: true, howToResume, events, progress };
      const result = await train.fit({ recordTimes, ...common, ...options, on: { ...options.on, record } });
      if (result.ended === "interrupted" || result.interrupt !== undefined) throw new Interrupted(result.interrupt);
      return result;
    } finally {
      part?.close();
    }
  }

  /** Options of {@link fit} for one of several models: a folder of its own, and whether to resume from a checkpoint in it. */
  part(name: string): Pick<train.FitOptions<unknown>, "folder" | "resume"> {
    const folder = this.folder.file(name);
    return { folder, resume: existsSync(join(folder, "last.safetensors")) };
  }

  /** Closes the files that are open; nothing is recorded after that. */
  close(): void {
    this.events?.close();
    this.events = undefined;
  }

  private eventWriter(): files.EventWriter {
    this.events ??= new files.EventWriter(this.folder.path);
    return this.events;
  }

  /** Records figures that the training loop does not: in `metrics.jsonl`, for TensorBoard, and with `--json` on stdout. */
  record(step: number, figures: Readonly<Record<string, number>>): void {
    const metrics = { step, ...figures };
    // A finished run that is resumed reports the same figures again.
    const known = this.resuming && this.folder.metrics.read().some((line) => isDeepStrictEqual(line, metrics));
    if (!known) {
      this.folder.metrics.append(metrics);
      for (const [name, value] of Object.entries(figures)) this.eventWriter().scalar(name, step, value);
    }
    if (this.settings.json) this.print("", { event: "metrics", step, ...figures });
  }

  /** Leaves a chart in the run folder as `NAME.svg` and draws it in the terminal. */
  async plot(name: string, chart: Chart): Promise<void> {
    await files.writeAtomically(this.folder.file(`${name}.svg`), drawSvg(chart));
    this.print(`\n${drawTerminal(chart)}`);
  }
}

/** One line on stderr, drawn anew as the download goes. */
function showDownload(file: string, received: number, total: number | undefined): void {
  if (!process.stderr.isTTY) return;
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const width = 30;
  const filled = total === undefined ? 0 : Math.floor((width * received) / total);
  const bar = total === undefined ? "" : ` ${"█".repeat(filled)}${"░".repeat(width - filled)}`;
  process.stderr.write(`\r${file}${bar} ${megabytes(received)}${total === undefined ? "" : ` of ${megabytes(total)}`} MB`);
  if (received === total) process.stderr.write("\n");
}
