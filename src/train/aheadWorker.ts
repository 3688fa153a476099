import { parentPort, workerData } from "node:worker_threads";
import { KasaneError } from "../graph/error.js";
import { type Prepare, preparationOf } from "./aheadModule.js";

// The entry of a thread that prepares what training needs next.

/** What the thread is started with. */
export interface AheadSetup {
  readonly module: string;
  readonly setup: unknown;
}

/** The answer to a job. */
export type AheadReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly message: string; readonly expected: boolean };

const port = parentPort as NonNullable<typeof parentPort>;
const { module, setup } = workerData as AheadSetup;
const preparation = begin();

async function begin(): Promise<Prepare> {
  // The user's own module may be TypeScript where this one no longer is.
  if (/\.[cm]?tsx?$/.test(module) && !import.meta.url.endsWith(".ts")) (await import("tsx/esm/api")).register();
  return preparationOf(module, setup);
}
preparation.catch(() => {});

// One job after the other, and a copy of each result: what prepares may write into the same arrays for every job.
let before: Promise<void> = Promise.resolve();
port.on("message", ({ id, job }: { readonly id: number; readonly job: unknown }) => {
  before = before.then(async () => {
    try {
      port.postMessage({ id, result: await (await preparation)(job) } satisfies AheadReply);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      port.postMessage({ id, message, expected: error instanceof KasaneError } satisfies AheadReply);
    }
  });
});
