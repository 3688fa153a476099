import { data } from "kasane";
import { train } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";

type Sample = data.augment.Sample;

/** `--workers`. */
export const workers = () =>
  z
    .int()
    .min(0)
    .max(16)
    .optional()
    .describe(
      "threads that augment what the next steps learn from; 0: no other than that of the training (default: the cores but one, 1 to 4)",
    );

/** What a thread that augments is started with; `size` is the result's. */
export interface Setup<Size> {
  readonly samples: readonly Sample[];
  readonly size: Size;
  readonly seed: number;
}

/** A batch that is to be augmented. */
export interface Job {
  readonly epoch: number;
  readonly places: Int32Array;
}

/** The export `prepare` of a module of augmentation. */
export const preparing =
  <Size>(transformTo: (size: Size) => data.augment.Transform) =>
  ({ samples, size, seed }: Setup<Size>) => {
    const transform = transformTo(size);
    return ({ epoch, places }: Job) => data.augment.augmented(samples, places, transform, { seed, epoch });
  };

/** A module of augmentation: its `url` and its `prepare`, made by {@link preparing}. */
interface Augmentation<Size> {
  readonly url: string;
  readonly prepare: (setup: Setup<Size>) => unknown;
}

/** How batches are made. */
interface BatchOptions {
  readonly batchSize: number;
  readonly workers: number | undefined;
}

/** Augmented batches of all samples in new order each epoch, prepared while training goes on. */
export class AugmentedAhead<Size> {
  private readonly ahead: train.Ahead<Job, Sample[]>;
  private readonly order: (epoch: number) => Iterable<Int32Array>;

  constructor({ url }: Augmentation<Size>, { samples, size, ...options }: Setup<Size> & BatchOptions) {
    const { seed, batchSize, workers } = options;
    this.order = (epoch) => data.batches(samples.length, { batchSize, seed, epoch, dropLast: true });
    this.ahead = new train.Ahead({ module: url, setup: { samples, size, seed }, ...(workers === undefined ? {} : { workers }) });
  }

  /** Does what needs the batches; then the threads end. */
  async during<Result>(use: () => Promise<Result>): Promise<Result> {
    try {
      return await use();
    } finally {
      await this.ahead.close();
    }
  }

  of(epoch: number): AsyncGenerator<Sample[]> {
    return this.ahead.prepared(Array.from(this.order(epoch), (places) => ({ epoch, places })));
  }

  /** Says how long training has waited for its batches. */
  report(context: Context): void {
    const { waitedSeconds, count } = this.ahead;
    context.print(`waited ${waitedSeconds.toFixed(1)} s for ${count} augmented batches`, {
      event: "waiting",
      seconds: waitedSeconds,
      batches: count,
    });
  }
}
