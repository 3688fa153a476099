import type { EventWriter } from "../files/events.js";
import { check } from "../graph/error.js";
import { checkChoice, checkOptions, type OptionNames } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import type { Stateful } from "./checkpoint.js";
import type { Goal } from "./figures.js";
import type { FitCallbacks } from "./fitEvents.js";
import type { InterruptSignal } from "./interrupt.js";
import type { Metrics } from "./metricsFile.js";
import type { ProgressStream, Work } from "./progress.js";

/** What a training run is made of. */
export interface FitOptions<Batch> {
  /**
   * Makes one step; often a compiled function. With `stepsPerCall`, or where it declares more parameters than `batch`, it makes `count` steps and
   * is told how many were `done` before.
   * The scalars of its result are the step's figures. Their means are recorded.
   */
  readonly step: (batch: Batch, count: number, done: number) => Promise<Readonly<Record<string, Tensor | number>>>;
  /** How many steps the next call of `step` makes, one or more, after the `done` made before; by default 1. */
  readonly stepsPerCall?: (done: number) => number;
  /**
   * The batches of an epoch, counted from 0. They may be endless; shuffle by the epoch's number, and a resumed run sees the same ones.
   * By default `undefined` without end, for steps that make their own data; then `steps` says where to end.
   */
  readonly batches?: (epoch: number) => Iterable<Batch> | AsyncIterable<Batch>;
  /** The number of epochs or of steps after which the run ends. If both are given, the first reached counts. */
  readonly epochs?: number;
  readonly steps?: number;
  /** Computes figures on data that is not trained on. Called after every epoch, or every `validateEvery` steps, and at the end. */
  readonly validate?: () => Promise<Readonly<Record<string, number>>>;
  readonly validateEvery?: number;
  /**
   * Which figure of `validate` tells how good the model is. The run ends after `patience` validations without a new best. With
   * `restore` the state is set to the best one when the run has ended; `last.safetensors` keeps the last.
   */
  readonly best?: Goal & { readonly patience?: number; readonly restore?: boolean };
  /**
   * Where `metrics.jsonl` goes, and with `state` the checkpoints `last.safetensors` and (with `best`) `best.safetensors`. It is locked: two
   * runs never write into one folder.
   */
  readonly folder?: string;
  /** Whether a run that the folder holds is removed. By default that is an error. */
  readonly overwrite?: boolean;
  /** What checkpoints keep: `{ model, optimizer }`. */
  readonly state?: Readonly<Record<string, Stateful>>;
  /** The configuration that checkpoints carry; any value that JSON holds. */
  readonly config?: unknown;
  /** Whether to go on from `last.safetensors` in the folder: to the bit as if there had been no break. */
  readonly resume?: boolean;
  /** Seconds between two checkpoints that a killed run can go on from, by default 60. The first ones come sooner. */
  readonly saveEverySeconds?: number;
  /** The number of steps whose mean figures make one record. */
  readonly recordEvery?: number;
  /**
   * Whether records of steps hold `stepMilliseconds`, the mean time of a step with its batch. By default not: all other figures
   * follow from the seed, so two runs of one seed, or a resumed run and an uninterrupted one, record the same.
   */
  readonly recordTimes?: boolean;
  /** Functions that are called at events: `{ record: (metrics) => ..., validation: ({ figures, isBest }) => ... }`. */
  readonly on?: FitCallbacks;
  /** Where figures are written for TensorBoard. */
  readonly events?: EventWriter;
  /** Where progress is shown, by default stderr. */
  readonly progress?: ProgressStream | false;
  /** Which figures progress shows, given the means of the steps. By default all. */
  readonly show?: (means: Readonly<Record<string, number>>) => Readonly<Record<string, number>>;
  /** A unit that progress shows the rate in, beside steps. */
  readonly work?: Work;
  /** Ends the run after the step being made. By default Ctrl-C and SIGTERM do; a second one ends the process. */
  readonly signal?: AbortSignal;
  /** What the user is told to do to go on with an interrupted run. */
  readonly howToResume?: string;
}

/** The names of all options. */
const optionNames: OptionNames<FitOptions<never>> = {
  step: "required",
  stepsPerCall: "optional",
  batches: "optional",
  epochs: "optional",
  steps: "optional",
  validate: "optional",
  validateEvery: "optional",
  best: "optional",
  folder: "optional",
  overwrite: "optional",
  state: "optional",
  config: "optional",
  resume: "optional",
  saveEverySeconds: "optional",
  recordEvery: "optional",
  recordTimes: "optional",
  on: "optional",
  events: "optional",
  progress: "optional",
  show: "optional",
  work: "optional",
  signal: "optional",
  howToResume: "optional",
};

/** How a training run went. */
export interface FitResult {
  readonly step: number;
  readonly ended: "complete" | "stoppedEarly" | "interrupted";
  /** What interrupted it, be it after its last step, unless `signal` was given. */
  readonly interrupt?: InterruptSignal;
  /** All records, also those of the runs that this one resumed. */
  readonly history: readonly Metrics[];
  /** The best value of the figure that `best` names. */
  readonly best: number | undefined;
}

/** @throws KasaneError where an option is unknown, missing or out of range, or needs one that is not there */
export function checkFitOptions<Batch>(options: FitOptions<Batch>): void {
  checkOptions<FitOptions<Batch>>("fit", options, optionNames);
  const { epochs, steps, batches, folder, state, best, saveEverySeconds = 60 } = options;
  const ends = (count: number | undefined) => count !== undefined && Number.isFinite(count);
  check(ends(epochs) || ends(steps), () => "fit: got neither epochs nor steps: one must say where to end");
  check(batches !== undefined || ends(steps), () => "fit: got epochs and no batches: without batches, steps must say where to end");
  checkCount("epochs", epochs, 0);
  checkCount("steps", steps, 0);
  checkCount("validateEvery", options.validateEvery, 1);
  checkCount("recordEvery", options.recordEvery, 1);
  if (best) {
    checkOptions("fit: best", best, { metric: "required", mode: "optional", patience: "optional", restore: "optional" });
    checkChoice("fit", "best.mode", best.mode, ["min", "max"]);
  }
  checkCount("best.patience", best?.patience, 1);
  check(saveEverySeconds >= 0, () => `fit: got saveEverySeconds ${saveEverySeconds}, expected seconds from 0`);
  check(
    options.validate !== undefined || (best === undefined && options.validateEvery === undefined),
    () => "fit: best and validateEvery need validate, which gives the figures",
  );
  const saves = folder !== undefined && state !== undefined;
  check(!options.resume || saves, () => "fit: resume needs the folder of the run and the state that its checkpoint keeps");
  check(!best?.restore || saves, () => "fit: best.restore needs a folder and state to keep the best in");
}

/** Throws unless an option is an integer from `least`, infinite or left out. */
function checkCount(name: string, value: number | undefined, least: number): void {
  const isRight = value === undefined || value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= least);
  check(isRight, () => `fit: got ${name} ${value}, expected an integer from ${least}`);
}
