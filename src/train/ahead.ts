import { availableParallelism } from "node:os";
import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { type Prepare, preparationOf } from "./aheadModule.js";
import { AheadThread } from "./aheadThread.js";

/** Settings of {@link Ahead}. */
export interface AheadOptions {
  /**
   * The module that prepares, by its `import.meta.url`. It exports `prepare`: a function of `setup` that returns the function of a job, or a promise
   * of it. What this returns follows from the job alone, since no thread knows which jobs the others do.
   */
  readonly module: string | URL;
  /** What each thread gets once: anything that can be cloned. A `SharedArrayBuffer` is shared by all. */
  readonly setup?: unknown;
  /** How many threads prepare; 0 means that this one does, when a result is asked for. By default the cores but one, 1 to 4. */
  readonly workers?: number;
  /** How many results are prepared ahead at most, by default two for each thread. */
  readonly ahead?: number;
}

/**
 * Prepares what training needs next, such as decoded and augmented pictures, in worker threads while it goes on. Results come in the order of
 * their jobs, and are the same for any number of threads. Node only.
 */
export class Ahead<Job, Result> {
  private readonly threads: AheadThread[] = [];
  private readonly here: Promise<Prepare> | undefined;
  private readonly most: number;
  private waited = 0;
  private given = 0;
  private isClosed = false;

  /** @throws KasaneError for options out of their bounds */
  constructor(options: AheadOptions) {
    const names = { module: "required", setup: "optional", workers: "optional", ahead: "optional" } as const;
    checkOptions<AheadOptions>("Ahead", options, names);
    const { module, setup, workers = Math.min(Math.max(availableParallelism() - 1, 1), 4), ahead = 2 * Math.max(workers, 1) } = options;
    check(
      Number.isInteger(workers) && workers >= 0 && workers <= 256,
      () => `Ahead: got ${workers} workers, expected an integer from 0 to 256`,
    );
    check(Number.isInteger(ahead) && ahead > 0, () => `Ahead: got ahead ${ahead}, expected an integer from 1`);
    this.most = ahead;
    if (workers === 0) this.here = preparationOf(`${module}`, setup);
    // An error is thrown where a result is asked for.
    this.here?.catch(() => {});
    for (let i = 0; i < workers; i++) this.threads.push(new AheadThread({ module: `${module}`, setup }));
  }

  /** How many seconds were spent waiting for results, from the first on. Preparing in the training's own thread is all waiting. */
  get waitedSeconds(): number {
    return this.waited / 1000;
  }

  /** How many results were given. */
  get count(): number {
    return this.given;
  }

  /**
   * The results of jobs, in their order. What was begun when the loop is left is thrown away.
   * @throws KasaneError where preparing threw one, or a thread ended; other errors as they are
   */
  async *prepared(jobs: Iterable<Job>): AsyncGenerator<Result, void, undefined> {
    check(!this.isClosed, () => "Ahead: it is closed");
    const queue: Promise<unknown>[] = [];
    const rest = jobs[Symbol.iterator]();
    const fill = () => {
      while (queue.length < this.most) {
        const next = rest.next();
        if (next.done) return;
        const result = this.begin(next.value);
        // An error is thrown when its turn has come.
        result.catch(() => {});
        queue.push(result);
        if (this.here) return;
      }
    };
    try {
      for (fill(); queue.length > 0; fill()) {
        const start = performance.now();
        const result = (await queue.shift()) as Result;
        this.waited += performance.now() - start;
        this.given++;
        yield result;
      }
    } finally {
      rest.return?.();
    }
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.threads.map((thread) => thread.end()));
  }

  private async begin(job: Job): Promise<unknown> {
    if (this.here) return (await this.here)(job);
    const idlest = this.threads.reduce((a, b) => (b.waiting < a.waiting ? b : a));
    return idlest.run(job);
  }
}
