import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writing } from "../files/fileError.js";
import { type FolderLock, lockFolder } from "../files/folderLock.js";
import { parseAs } from "../files/schema.js";
import { check } from "../graph/error.js";
import { RunningMeans } from "../metrics/classification.js";
import { randomState, setRandomState } from "../random/state.js";
import { loadCheckpoint, readCheckpointNotes, type Stateful, saveCheckpoint } from "./checkpoint.js";
import { figuresOf, isBetter } from "./figures.js";
import { EventQueue } from "./fitEvents.js";
import { checkFitOptions, type FitOptions, type FitResult } from "./fitOptions.js";
import { watchInterrupt } from "./interrupt.js";
import { checkFigures, type Metrics, MetricsFile } from "./metricsFile.js";
import { type Position, positionSchema } from "./position.js";
import { Progress, showFigures } from "./progress.js";

/** Seconds until the first checkpoint. Each later interval is twice as long, up to `saveEverySeconds`. */
const firstSave = 5;

/** Milliseconds after which the event loop runs, where steps leave it no time: signals wait for it. */
const yieldPeriod = 50;

/**
 * The training loop: steps, records of their figures, validation, early stopping, checkpoints, progress. Node only.
 * @throws KasaneError where no option says when to end, a figure or a parameter is not finite, the folder is in use, holds another run or
 *   cannot be written, or the run cannot be resumed; what was saved before stays
 */
export async function fit<Batch>(options: FitOptions<Batch>): Promise<FitResult> {
  const run = new Run(options);
  const lock = options.folder === undefined ? undefined : await lockFolder(options.folder, "fit.lock");
  const watch = options.signal ? undefined : watchInterrupt();
  try {
    await run.begin(lock);
    const trained = await run.train(options.signal ?? (watch as NonNullable<typeof watch>).signal);
    const result = watch?.signal.aborted ? { ...trained, interrupt: watch.signal.reason } : trained;
    await options.on?.end?.(result);
    return result;
  } finally {
    run.progress.end();
    watch?.release();
    lock?.release();
  }
}

/** A training run, and how far it is. */
class Run<Batch> {
  private readonly epochs: number;
  private readonly steps: number;
  private readonly metricsFile: MetricsFile | undefined;
  /** The checkpoint to go on from. */
  private readonly last: string | undefined;
  private readonly at: Position = {
    step: 0,
    epoch: 0,
    batch: 0,
    epochRandom: randomState(),
    validated: 0,
    sinceBest: 0,
    sums: {},
    recorded: 0,
  };
  private lock: FolderLock | undefined;
  private readonly means = new RunningMeans();
  private readonly times = new RunningMeans();
  private readonly queue: EventQueue;
  private history: Metrics[] = [];
  readonly progress: Progress;
  private saved = performance.now();
  /** Milliseconds from one checkpoint to the next. */
  private savePeriod: number;
  private yielded = this.saved;

  constructor(private readonly options: FitOptions<Batch>) {
    checkFitOptions(options);
    this.queue = new EventQueue(options.on);
    const { epochs = Number.POSITIVE_INFINITY, steps = Number.POSITIVE_INFINITY, folder, state, progress, work } = options;
    this.at.goal = options.best && `${options.best.mode ?? "min"} ${options.best.metric}`;
    this.epochs = epochs;
    this.steps = steps;
    this.savePeriod = 1000 * Math.min(firstSave, options.saveEverySeconds ?? 60);
    if (folder !== undefined) {
      this.metricsFile = new MetricsFile(join(folder, "metrics.jsonl"));
      if (state) this.last = join(folder, "last.safetensors");
    }
    this.progress = new Progress({
      total: Number.isFinite(steps) ? steps : undefined,
      stream: progress === false ? { write: () => undefined } : progress,
      work,
    });
  }

  /** Loads the last checkpoint if the run is resumed; otherwise clears the folder. */
  async begin(lock: FolderLock | undefined): Promise<void> {
    const { resume = false, state } = this.options;
    this.lock = lock;
    if (resume) await this.resume(this.last as string, state as NonNullable<typeof state>);
    else this.clear();
    this.progress.begin(this.at.step);
  }

  private async resume(last: string, state: Readonly<Record<string, Stateful>>): Promise<void> {
    const { at, means, metricsFile } = this;
    const { step, extra } = await readCheckpointNotes(last);
    const position = parseAs(positionSchema, extra, `${last}: not a checkpoint that fit saved: it does not say how far the run was`);
    check(position.step === step, () => `${last}: damaged: it is of step ${step} and of step ${position.step}`);
    await loadCheckpoint(last, state);
    const { goal } = at;
    const isOther = position.goal !== undefined && position.goal !== goal;
    Object.assign(at, position, isOther && { best: undefined, sinceBest: 0 }, { goal });
    means.restore(at.sums);
    metricsFile?.truncate(at.recorded);
    this.history = metricsFile?.read() ?? [];
    const damage = metricsFile?.damage();
    if (damage !== undefined) this.progress.print(damage);
    this.options.events?.restart(at.step + 1);
  }

  /** @throws KasaneError where the folder holds a run that is not to be overwritten */
  private clear(): void {
    const { folder, overwrite = false } = this.options;
    if (folder === undefined) return;
    const files = ["metrics.jsonl", "last.safetensors", "best.safetensors"].map((name) => join(folder, name));
    const kept = files.find((file) => existsSync(file));
    check(
      kept === undefined || overwrite,
      () =>
        `fit: ${folder} holds a run already (${kept}): go on with it (resume: true), name another folder, or give it up (overwrite: true)`,
    );
    for (const file of files) writing(file, () => rmSync(file, { force: true }));
  }

  async train(signal: AbortSignal): Promise<FitResult> {
    const { at, epochs, progress } = this;
    const { validateEvery, howToResume } = this.options;
    while (at.epoch < epochs && !this.hasEnded(signal)) {
      if (!(await this.trainEpoch(signal))) break;
      if (validateEvery === undefined) await this.validate();
      this.queue.add("epochEnd", { epoch: at.epoch, step: at.step });
      at.epoch++;
      at.batch = 0;
      at.epochRandom = randomState();
      progress.total ??= Number.isFinite(epochs) ? (at.step / at.epoch) * epochs : undefined;
      await this.save(this.last);
      await this.deliver();
    }
    const complete = at.step >= this.steps || at.epoch >= epochs;
    const ended = this.stoppedEarly() ? "stoppedEarly" : complete ? "complete" : "interrupted";
    if (ended !== "interrupted") {
      await this.validate();
      this.recordMeans();
    }
    await this.save(this.last);
    await this.deliver();
    if (ended !== "interrupted") await this.restoreBest();
    // An interrupt may come after the last step, while that is saved.
    if (ended === "interrupted" || signal.aborted) progress.print(interruptedMessage(at.step, this.last, howToResume));
    return { step: at.step, ended, history: this.history, best: at.best };
  }

  /** Trains on the rest of the epoch; returns whether all its batches were used. */
  private async trainEpoch(signal: AbortSignal): Promise<boolean> {
    const { at, means, progress } = this;
    const { step, stepsPerCall, batches = () => endless as Iterable<Batch>, show } = this.options;
    const { validateEvery, recordEvery = 100, recordTimes = false } = this.options;
    // The batches trained on before the interruption are drawn again and skipped.
    let passing = at.batch;
    const resumed = randomState();
    if (passing > 0) setRandomState(at.epochRandom);
    let begun = performance.now();
    for await (const batch of batches(at.epoch)) {
      if (passing > 0) {
        passing--;
        await this.yieldToEvents();
        if (passing === 0 || this.hasEnded(signal)) setRandomState(resumed);
        if (this.hasEnded(signal)) return false;
        begun = performance.now();
        continue;
      }
      const before = at.step;
      const count = stepsPerCall?.(before) ?? 1;
      check(
        Number.isSafeInteger(count) && count >= 1,
        () => `fit: stepsPerCall gave ${count} at step ${before}, expected an integer from 1`,
      );
      // A compiled function takes each number as a setting: it is told of steps only where it asks.
      const told = stepsPerCall !== undefined || step.length > 1 ? ([count, before] as const) : [];
      means.add(await figuresOf(await step(batch, ...(told as [number, number])), before + 1), count);
      if (recordTimes) this.times.add({ stepMilliseconds: (performance.now() - begun) / count }, count);
      at.step += count;
      at.batch++;
      const values = means.values();
      progress.update(at.step, show?.(values) ?? values);
      if (isDue(recordEvery, before, at.step)) this.recordMeans();
      if (validateEvery !== undefined && isDue(validateEvery, before, at.step)) await this.validate();
      if (performance.now() - this.saved > this.savePeriod) {
        await this.save(this.last);
        this.savePeriod = Math.min(2 * this.savePeriod, 1000 * (this.options.saveEverySeconds ?? 60));
      }
      await this.deliver();
      await this.yieldToEvents();
      if (this.hasEnded(signal)) return false;
      begun = performance.now();
    }
    check(at.batch > 0, () => `fit: epoch ${at.epoch} has no batches`);
    check(
      passing === 0,
      () =>
        `${this.last} is of batch ${at.batch} of epoch ${at.epoch}, which has ${at.batch - passing}: the run was of other data or batches`,
    );
    return true;
  }

  /** Lets signals and timers come, which wait for the event loop. */
  private async yieldToEvents(): Promise<void> {
    const now = performance.now();
    if (now - this.yielded <= yieldPeriod) return;
    await new Promise(setImmediate);
    this.yielded = now;
  }

  /** Validates, unless that was done at this step. */
  private async validate(): Promise<void> {
    const { at, progress } = this;
    const { validate, best: goal, folder } = this.options;
    if (!validate || at.validated === at.step) return;
    this.recordMeans();
    const figures = await validate();
    checkFigures(figures, "fit: validate");
    at.validated = at.step;
    this.record(figures);
    const isBest = goal !== undefined && isBetter(figures, goal, at.best);
    if (isBest) {
      at.best = figures[goal.metric];
      at.sinceBest = 0;
      if (folder !== undefined) await this.save(join(folder, "best.safetensors"));
    } else if (goal) at.sinceBest++;
    this.queue.add("validation", { epoch: at.epoch, step: at.step, figures, isBest });
    progress.print(`epoch ${at.epoch + 1}, step ${at.step}: ${showFigures(figures)}${isBest ? " (best)" : ""}`);
  }

  /** Sets the state to the best one, if `best.restore` asks for it and there is one. */
  private async restoreBest(): Promise<void> {
    const { best: goal, folder, state } = this.options;
    if (!goal?.restore || this.at.best === undefined) return;
    const numbers = randomState();
    await loadCheckpoint(join(folder as string, "best.safetensors"), state as NonNullable<typeof state>);
    setRandomState(numbers);
  }

  private stoppedEarly(): boolean {
    const { best: goal } = this.options;
    return goal?.patience !== undefined && this.at.sinceBest >= goal.patience;
  }

  private hasEnded(signal: AbortSignal): boolean {
    return this.at.step >= this.steps || this.stoppedEarly() || signal.aborted;
  }

  private recordMeans(): void {
    if (this.means.size === 0) return;
    const [figures, times] = [this.means.take(), this.times.take()];
    for (const name of Object.keys(times))
      check(!(name in figures), () => `fit: recordTimes records ${name}: rename the figure of the step`);
    this.record({ ...figures, ...times });
  }

  private record(figures: Readonly<Record<string, number>>): void {
    const { events } = this.options;
    const metrics = { ...figures, step: this.at.step };
    this.history.push(metrics);
    this.metricsFile?.append(metrics);
    for (const [name, value] of Object.entries(figures)) events?.scalar(name, metrics.step, value);
    this.queue.add("record", metrics);
  }

  private async save(file: string | undefined): Promise<void> {
    const { state, config } = this.options;
    if (file === undefined || !state) return;
    const { at, means } = this;
    this.lock?.check();
    at.recorded = this.metricsFile?.sync() ?? 0;
    await saveCheckpoint(file, { state, step: at.step, config, extra: { ...at, sums: means.sums() } });
    if (file === this.last) this.saved = performance.now();
    this.queue.add("save", { file, step: at.step });
  }

  /** Calls the functions for the events since the last call. To be called only at points where the run can be resumed. */
  private async deliver(): Promise<void> {
    try {
      await this.queue.deliver();
    } catch (error) {
      await this.save(this.last).catch(({ message }: Error) => this.progress.print(`not saved: ${message}`));
      throw error;
    }
  }
}

/** `undefined` without end. */
const endless: Iterable<undefined> = { [Symbol.iterator]: () => ({ next: () => ({ value: undefined, done: false }) }) };

/** Whether a multiple of `every` lies in (before, after]. */
const isDue = (every: number, before: number, after: number): boolean => Math.floor(after / every) > Math.floor(before / every);

function interruptedMessage(step: number, file: string | undefined, howToResume = "call fit again with resume: true"): string {
  return file === undefined
    ? `interrupted after step ${step}; nothing was saved: fit was given no folder and state`
    : `interrupted after step ${step}, saved as ${file}; to go on: ${howToResume}`;
}
