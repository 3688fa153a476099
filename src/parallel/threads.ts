import { Worker } from "node:worker_threads";
import { KasaneError } from "../graph/error.js";
import { stopThreads } from "../runtime/ort/threadEnd.js";
import { runtime, type WorkerThread } from "../runtime/runtime.js";
import { Aborted } from "./collectives.js";
import type { Command, Reply } from "./worker.js";

/** A worker thread, which makes one step at a time. It keeps the process alive only during a step. */
export class Thread implements WorkerThread {
  /** The programs that were sent to it. */
  readonly programs = new Set<number>();
  private readonly worker: Worker;
  private pending: { resolve(): void; reject(error: Error): void } | undefined;
  private cause: unknown;
  private ended = false;

  constructor(private readonly rank: number) {
    this.worker = new Worker(entry);
    this.worker.unref();
    this.worker.on("message", (reply: Reply) => {
      const { resolve, reject } = this.settle() ?? {};
      if (reply.type === "done") resolve?.();
      else if (reply.type === "aborted") reject?.(new Aborted());
      else reject?.(reply.expected ? new KasaneError(reply.message) : new Error(`worker ${this.rank}: ${reply.message}`));
    });
    this.worker.on("error", (error) => {
      this.cause = error;
    });
    this.worker.on("exit", (code) => {
      this.ended = true;
      this.settle()?.reject(this.death(code));
    });
  }

  get isAlive(): boolean {
    return !this.ended;
  }

  /** Whether it is making a step. */
  get isBusy(): boolean {
    return this.pending !== undefined;
  }

  get id(): number {
    return this.worker.threadId;
  }

  post(command: Command): void {
    this.worker.postMessage(command);
  }

  /** Has it make a step. Rejected where the step fails or the thread ends. */
  step(id: number, changed: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject };
      this.worker.ref();
      this.post({ type: "step", id, changed });
    });
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  private settle() {
    const { pending } = this;
    this.pending = undefined;
    this.worker.unref();
    return pending;
  }

  private death(code: number): KasaneError {
    const reason = this.cause instanceof Error ? this.cause.message : `exit code ${code}`;
    return new KasaneError(
      `worker ${this.rank} ended during a step (${reason}): the variables keep the values they had before it, and the next call starts another`,
      { cause: this.cause },
    );
  }
}

/** The file that a thread starts from. */
const entry = new URL(import.meta.url.endsWith(".ts") ? "./sourceWorker.mjs" : "./worker.js", import.meta.url);

/** The threads by rank. Nothing else puts threads there. */
const threads = runtime.workers as Map<number, Thread>;

// When this thread ends, its worker threads end too.
process.on("exit", () => stopThreads([...threads.values()].flatMap(({ id }) => (id > 0 ? [id] : []))));

/** The thread of a rank: a new one where there is none, or where it has ended. */
export function threadOf(rank: number): Thread {
  const known = threads.get(rank);
  if (known?.isAlive) return known;
  const thread = new Thread(rank);
  threads.set(rank, thread);
  return thread;
}

/** Closes a program on the threads that have it. A thread without programs ends. */
export async function close(id: number): Promise<void> {
  for (const [rank, thread] of threads) {
    if (!thread.programs.delete(id)) continue;
    if (thread.programs.size > 0) thread.post({ type: "close", id });
    else {
      threads.delete(rank);
      await thread.end();
    }
  }
}
