import { parentPort } from "node:worker_threads";
import { KasaneError } from "../graph/error.js";
import { Aborted, SharedMemory } from "./collectives.js";
import { type Program, ProgramRunner } from "./program.js";

// The entry of a worker thread. It runs models and exchanges values; it knows no graphs.

/** A message to a worker thread. */
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

/** The result of a step. */
export type Reply =
  | { readonly type: "done" }
  | { readonly type: "aborted" }
  | { readonly type: "failed"; readonly message: string; readonly expected: boolean };

const port = parentPort as NonNullable<typeof parentPort>;
const programs = new Map<number, { readonly runner: ProgramRunner; readonly collectives: SharedMemory }>();

port.on("message", (command: Command) => {
  const known = programs.get(command.id);
  if (command.type === "open") {
    const { rank, size, threads } = command.settings;
    const runner = new ProgramRunner(command.program, threads);
    programs.set(command.id, { runner, collectives: new SharedMemory(command.memory, rank, size, true) });
  } else if (command.type === "close") {
    programs.delete(command.id);
    void known?.runner.release();
  } else if (known) {
    const { runner, collectives } = known;
    collectives.begin();
    runner.run(collectives, command.changed).then(
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
