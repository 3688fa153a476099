import { constants } from "node:os";

/** What interrupts a run: Ctrl-C, and what `docker stop`, Slurm and systemd send. */
const signals = ["SIGINT", "SIGTERM"] as const;

/** A signal that interrupts a run. */
export type InterruptSignal = (typeof signals)[number];

/** A watch for Ctrl-C and SIGTERM: see {@link watchInterrupt}. */
export interface InterruptWatch {
  /** Aborted by the first interrupt, whose name is the reason. The run then ends its step, saves and returns. */
  readonly signal: AbortSignal;
  /** Ends the watch; interrupts end the process again. */
  release(): void;
}

/** The exit code of a process that a signal ended, by the convention of shells: 130 for SIGINT, 143 for SIGTERM. */
export const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

/** Makes the first SIGINT or SIGTERM abort a signal in place of ending the process; the second exits at once, with 130 or 143. Node only. */
export function watchInterrupt(): InterruptWatch {
  const controller = new AbortController();
  const onInterrupt = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(exitCodeOf(signal));
    controller.abort(signal);
  };
  for (const signal of signals) process.on(signal, onInterrupt);
  return {
    signal: controller.signal,
    release: () => {
      for (const signal of signals) process.off(signal, onInterrupt);
    },
  };
}
