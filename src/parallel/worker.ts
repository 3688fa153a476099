import { parentPort } from "node:worker_threads";
import { KasaneError } from "../graph/error.js";
import { Aborted, SharedMemory } from "./collectives.js";
import { type Program, Share } from "./program.js";

// The entry of a worker thread: it knows models and how to exchange values, and nothing of graphs.

/** What a worker thread is told. */
export type Command =
  | {
      readonly type: "open";
      readonly id: number;
      readonly program: Program;
      readonly memory: SharedArrayBuffer;
      readonly settings: Settings;
    }
  | { readonly type: "step"; readonly id: number; readonly changed: readonly string[] }
  | { readonly type: "close"; readonly id: number };

interface Settings {
  readonly rank: number;
  readonly size: number;
  readonly threads: number;
}

/** How a step went. */
export type Reply =
  | { readonly type: "done" }
  | { readonly type: "aborted" }
  | { readonly type: "failed"; readonly message: string; readonly expected: boolean };

const port = parentPort as NonNullable<typeof parentPort>;
const programs = new Map<number, { readonly share: Share; readonly collectives: SharedMemory }>();

port.on("message", (command: Command) => {
  const known = programs.get(command.id);
  if (command.type === "open") {
    const { rank, size, threads } = command.settings;
    const share = new Share(command.program, threads);
    programs.set(command.id, { share, collectives: new SharedMemory(command.memory, rank, size, true) });
  } else if (command.type === "close") {
    programs.delete(command.id);
    void known?.share.release();
  } else if (known) {
    const { share, collectives } = known;
    collectives.begin();
    share.run(collectives, command.changed).then(
      () => port.postMessage({ type: "done" } satisfies Reply),
      (error) => {
        collectives.abort();
        if (error instanceof Aborted) return port.postMessage({ type: "aborted" } satisfies Reply);
        const message = error instanceof Error ? error.message : String(error);
        port.postMessage({ type: "failed", message, expected: error instanceof KasaneError } satisfies Reply);
      },
    );
  }
});
