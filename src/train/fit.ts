import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { EventWriter } from "../files/events.js";
import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { RunningMeans } from "../metrics/classification.js";
import { randomState, setRandomState } from "../random/state.js";
import { loadCheckpoint, randomStateSchema, type Stateful, saveCheckpoint } from "./checkpoint.js";
import { watchInterrupt } from "./interrupt.js";
import { type Metrics, MetricsFile } from "./metricsFile.js";
import { Progress, type ProgressStream, showFigures, type Work } from "./progress.js";

/** What a training run is made of. */
export interface FitOptions<Batch> {
  /**
   * Makes one step, as a compiled function does, or the `count` steps that `stepsPerCall` says, after the `done` made before.
   * The scalars of its result are the step's figures, of which the means are recorded.
   */
  readonly step: (batch: Batch, count: number, done: number) => Promise<Readonly<Record<string, Tensor | number>>>;
  /** How many steps the next call of `step` makes, `done` having been made; by default 1. */
  readonly stepsPerCall?: (done: number) => number;
  /**
   * The batches of an epoch, counted from 0. They may end never; shuffle by the epoch's number, and a resumed run sees the same ones.
   * By default `undefined` without end, for steps that make their own data.
   */
  readonly batches?: (epoch: number) => Iterable<Batch> | AsyncIterable<Batch>;
  /** Where the run ends, in epochs, in steps, or what comes first of both. */
  readonly epochs?: number;
  readonly steps?: number;
  /** Computes figures on data that is not trained on: at the end of every epoch, or every so many steps, and at the end. */
  readonly validate?: () => Promise<Readonly<Record<string, number>>>;
  readonly validateEvery?: number;
  /** Which figure of `validate` tells how good the model is; the run ends after `patience` validations none of which was the best. */
  readonly best?: { readonly metric: string; readonly mode?: "min" | "max"; readonly patience?: number };
  /** Where `metrics.jsonl` goes, and with `state` the checkpoints `last.safetensors` and (with `best`) `best.safetensors`. */
  readonly folder?: string;
  /** What checkpoints keep: `{ model, optimizer }`. */
  readonly state?: Readonly<Record<string, Stateful>>;
  /** The configuration that checkpoints carry; any value that JSON holds. */
  readonly config?: unknown;
  /** Whether to go on from `last.safetensors` in the folder: to the bit as if there had been no break. */
  readonly resume?: boolean;
  /** The number of steps whose mean figures make one record. */
  readonly recordEvery?: number;
  /** Is told of every record. */
  readonly onRecord?: (metrics: Metrics) => void;
  readonly events?: EventWriter;
  /** Where progress is shown, by default stderr. */
  readonly progress?: ProgressStream | false;
  /** What progress shows of the steps' mean figures, by default all as they are. */
  readonly show?: (means: Readonly<Record<string, number>>) => Readonly<Record<string, number>>;
  /** What progress tells the rate in beside steps. */
  readonly work?: Work;
  /** Ends the run after the step being made. By default Ctrl-C does; a second one ends the process. */
  readonly signal?: AbortSignal;
  /** What the user is told to do to go on with an interrupted run. */
  readonly howToResume?: string;
}

/** How a training run went. */
export interface FitResult {
  readonly step: number;
  readonly ended: "complete" | "stoppedEarly" | "interrupted";
  /** All records, also those of the runs that this one resumed. */
  readonly history: readonly Metrics[];
  /** The best value of the figure that `best` names. */
  readonly best: number | undefined;
}

/** How far a run is, as its checkpoints keep it. */
const positionSchema = z.object({
  step: z.int(),
  epoch: z.int(),
  /** How many batches of the epoch were trained on, and the random state when it began: its batches may be drawn from that. */
  batch: z.int(),
  epochRandom: randomStateSchema,
  /** The step of the last validation, the best figure and the number of validations since. */
  validated: z.int(),
  best: z.number().optional(),
  sinceBest: z.int(),
  /** Sums of figures that are not yet recorded, with their counts. */
  sums: z.record(z.string(), z.tuple([z.number(), z.number()])),
});

/** Milliseconds between two checkpoints that a killed run can go on from. */
const savePeriod = 60_000;

/** Milliseconds after which the event loop gets its turn, where steps leave it none: signals wait for it. */
const yieldPeriod = 50;

type Position = z.infer<typeof positionSchema>;

/**
 * The training loop: steps, records of their figures, validation, early stopping, checkpoints, progress. Node only.
 * @throws KasaneError where nothing says when to end, a step's figure is not finite, or what is to be resumed cannot be
 */
export async function fit<Batch>(options: FitOptions<Batch>): Promise<FitResult> {
  const run = new Run(options);
  await run.begin();
  const watch = options.signal ? undefined : watchInterrupt();
  try {
    return await run.train(options.signal ?? (watch as NonNullable<typeof watch>).signal);
  } finally {
    run.progress.end();
    watch?.release();
  }
}

/** A training run, and how far it is. */
class Run<Batch> {
  private readonly epochs: number;
  private readonly steps: number;
  private readonly metricsFile: MetricsFile | undefined;
  /** The checkpoint to go on from. */
  private readonly last: string | undefined;
  private readonly at: Position = { step: 0, epoch: 0, batch: 0, epochRandom: randomState(), validated: 0, sinceBest: 0, sums: {} };
  private readonly means = new RunningMeans();
  private history: Metrics[] = [];
  readonly progress: Progress;
  private saved = performance.now();
  private yielded = this.saved;

  constructor(private readonly options: FitOptions<Batch>) {
    const { epochs = Number.POSITIVE_INFINITY, steps = Number.POSITIVE_INFINITY, folder, state, progress, work } = options;
    check(Number.isFinite(epochs) || Number.isFinite(steps), () => "fit: got neither epochs nor steps: one must say where to end");
    this.epochs = epochs;
    this.steps = steps;
    if (folder !== undefined) {
      mkdirSync(folder, { recursive: true });
      this.metricsFile = new MetricsFile(join(folder, "metrics.jsonl"));
      if (state) this.last = join(folder, "last.safetensors");
    }
    this.progress = new Progress({
      total: Number.isFinite(steps) ? steps : undefined,
      stream: progress === false ? { write: () => undefined } : progress,
      work,
    });
  }

  /** Takes up the last checkpoint, where the run is resumed. */
  async begin(): Promise<void> {
    const { at, last, means, metricsFile } = this;
    const { resume = false, state, events } = this.options;
    if (resume) {
      check(
        last !== undefined && state !== undefined,
        () => "fit: resume needs the folder of the run and the state that its checkpoint keeps",
      );
      const parsed = positionSchema.safeParse((await loadCheckpoint(last, state)).extra);
      check(parsed.success, () => `${last}: not a checkpoint that fit saved: it does not say how far the run was`);
      Object.assign(at, parsed.data);
      means.restore(at.sums);
      await metricsFile?.forgetAfter(at.step);
      this.history = metricsFile?.read() ?? [];
      events?.restart(at.step + 1);
    }
    this.progress.begin(at.step);
  }

  async train(signal: AbortSignal): Promise<FitResult> {
    const { at, epochs, progress } = this;
    const { validateEvery, howToResume } = this.options;
    while (at.epoch < epochs && !this.hasEnded(signal)) {
      if (!(await this.trainEpoch(signal))) break;
      if (validateEvery === undefined) await this.validate();
      at.epoch++;
      at.batch = 0;
      at.epochRandom = randomState();
      progress.total ??= Number.isFinite(epochs) ? (at.step / at.epoch) * epochs : undefined;
      await this.save(this.last);
    }
    const complete = at.step >= this.steps || at.epoch >= epochs;
    const ended = this.stoppedEarly() ? "stoppedEarly" : complete ? "complete" : "interrupted";
    if (ended !== "interrupted") {
      await this.validate();
      this.recordMeans();
    }
    await this.save(this.last);
    if (ended === "interrupted") progress.print(interruptedMessage(at.step, this.last, howToResume));
    return { step: at.step, ended, history: this.history, best: at.best };
  }

  /** Trains on what is left of the epoch; returns whether it came to its end. */
  private async trainEpoch(signal: AbortSignal): Promise<boolean> {
    const { at, means, progress } = this;
    const { step, stepsPerCall, batches = () => endless as Iterable<Batch>, validateEvery, recordEvery = 100, show } = this.options;
    // The batches trained on before the break are drawn again and passed by.
    let passing = at.batch;
    const resumed = randomState();
    if (passing > 0) setRandomState(at.epochRandom);
    for await (const batch of batches(at.epoch)) {
      if (passing > 0) {
        if (--passing === 0) setRandomState(resumed);
        continue;
      }
      const before = at.step;
      const count = stepsPerCall?.(before) ?? 1;
      means.add(await figuresOf(await step(batch, count, before), before + 1));
      at.step += count;
      at.batch++;
      const values = means.values();
      progress.update(at.step, show?.(values) ?? values);
      if (isDue(recordEvery, before, at.step)) this.recordMeans();
      if (validateEvery !== undefined && isDue(validateEvery, before, at.step)) await this.validate();
      const now = performance.now();
      if (now - this.saved > savePeriod) await this.save(this.last);
      if (now - this.yielded > yieldPeriod) {
        await new Promise(setImmediate);
        this.yielded = now;
      }
      if (this.hasEnded(signal)) return false;
    }
    check(at.batch > 0, () => `fit: epoch ${at.epoch} has no batches`);
    return true;
  }

  /** Validates, unless this step was. */
  private async validate(): Promise<void> {
    const { at, progress } = this;
    const { validate, best: goal, folder } = this.options;
    if (!validate || at.validated === at.step) return;
    this.recordMeans();
    const figures = await validate();
    at.validated = at.step;
    this.record(figures);
    const isBest = goal !== undefined && isBetter(figures, goal, at.best);
    if (isBest) {
      at.best = figures[goal.metric];
      at.sinceBest = 0;
      if (folder !== undefined) await this.save(join(folder, "best.safetensors"));
    } else at.sinceBest++;
    progress.print(`epoch ${at.epoch + 1}, step ${at.step}: ${showFigures(figures)}${isBest ? " (best)" : ""}`);
  }

  private stoppedEarly(): boolean {
    const { best: goal } = this.options;
    return goal?.patience !== undefined && this.at.sinceBest >= goal.patience;
  }

  private hasEnded(signal: AbortSignal): boolean {
    return this.at.step >= this.steps || this.stoppedEarly() || signal.aborted;
  }

  private recordMeans(): void {
    if (this.means.size > 0) this.record(this.means.take());
  }

  private record(figures: Readonly<Record<string, number>>): void {
    const { events, onRecord } = this.options;
    const metrics = { ...figures, step: this.at.step };
    this.history.push(metrics);
    this.metricsFile?.append(metrics);
    for (const [name, value] of Object.entries(figures)) events?.scalar(name, metrics.step, value);
    onRecord?.(metrics);
  }

  private async save(file: string | undefined): Promise<void> {
    const { state, config } = this.options;
    if (file === undefined || !state) return;
    const { at, means } = this;
    await saveCheckpoint(file, { state, step: at.step, config, extra: { ...at, sums: means.sums() } });
    this.saved = performance.now();
  }
}

/** No data, for ever. */
const endless: Iterable<undefined> = { [Symbol.iterator]: () => ({ next: () => ({ value: undefined, done: false }) }) };

/** Whether what is done every so many steps is to be done once `after` were made, and was not yet after `before`. */
const isDue = (every: number, before: number, after: number): boolean => Math.floor(after / every) > Math.floor(before / every);

/** The scalars of a step's result. */
async function figuresOf(result: Readonly<Record<string, Tensor | number>>, step: number): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const [name, value] of Object.entries(result)) {
    if (typeof value !== "number" && value.size !== 1) continue;
    const figure = typeof value === "number" ? value : await value.item();
    check(
      Number.isFinite(figure),
      () =>
        `fit: ${name} is ${figure} at step ${step}: lower the learning rate or clip the gradients; compile with detectAnomalies to see where`,
    );
    figures[name] = figure;
  }
  return figures;
}

function isBetter(
  figures: Readonly<Record<string, number>>,
  { metric, mode = "min" }: NonNullable<FitOptions<never>["best"]>,
  best?: number,
): boolean {
  const value = figures[metric];
  check(value !== undefined, () => `fit: best.metric is "${metric}", but validate gives ${Object.keys(figures).join(", ") || "nothing"}`);
  if (!Number.isFinite(value) || best === undefined) return Number.isFinite(value);
  return mode === "min" ? value < best : value > best;
}

function interruptedMessage(step: number, file: string | undefined, howToResume = "call fit again with resume: true"): string {
  return file === undefined
    ? `interrupted after step ${step}; nothing was saved: fit was given no folder and state`
    : `interrupted after step ${step}, saved as ${file}; to go on: ${howToResume}`;
}
