import { Worker } from "node:worker_threads";
import { KasaneError } from "../graph/error.js";
import type { AheadReply, AheadSetup } from "./aheadWorker.js";

/** The file that a thread starts from. */
const entry = new URL(import.meta.url.endsWith(".ts") ? "./sourceAheadWorker.mjs" : "./aheadWorker.js", import.meta.url);

/** A worker thread that does jobs one after the other. It keeps the process alive only while it has some. */
export class AheadThread {
  private readonly worker: Worker;
  private readonly pending = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  private last = 0;
  private death: KasaneError | undefined;

  constructor(setup: AheadSetup) {
    this.worker = new Worker(entry, { workerData: setup });
    this.worker.unref();
    this.worker.on("message", (reply: AheadReply) => {
      const waiting = this.pending.get(reply.id);
      this.pending.delete(reply.id);
      if (this.pending.size === 0) this.worker.unref();
      if ("result" in reply) waiting?.resolve(reply.result);
      else waiting?.reject(reply.expected ? new KasaneError(reply.message) : new Error(`worker thread: ${reply.message}`));
    });
    this.worker.on("messageerror", (error) => this.die(error.message));
    this.worker.on("error", (error) => this.die((error as Error).message));
    this.worker.on("exit", (code) => this.die(`exit code ${code}`));
  }

  /** How many jobs it has yet to do. */
  get waiting(): number {
    return this.pending.size;
  }

  run(job: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.death) return reject(this.death);
      const id = ++this.last;
      this.worker.postMessage({ id, job });
      this.pending.set(id, { resolve, reject });
      this.worker.ref();
    });
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  private die(reason: string): void {
    this.death ??= new KasaneError(`Ahead: a worker thread ended (${reason})`);
    for (const { reject } of this.pending.values()) reject(this.death);
    this.pending.clear();
  }
}
