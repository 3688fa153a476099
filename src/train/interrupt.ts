/** A watch for Ctrl-C: see {@link watchInterrupt}. */
export interface InterruptWatch {
  /** Aborted by the first interrupt: whatever runs ends its step, saves and returns. */
  readonly signal: AbortSignal;
  /** Ends the watch; interrupts end the process again. */
  release(): void;
}

/** What a shell expects of a process that SIGINT ended: 128 and the signal's number. */
const interruptedExitCode = 130;

/** Makes the first SIGINT abort a signal in place of ending the process; the second exits at once with code 130. Node only. */
export function watchInterrupt(): InterruptWatch {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) process.exit(interruptedExitCode);
    controller.abort();
  };
  process.on("SIGINT", onInterrupt);
  return { signal: controller.signal, release: () => process.off("SIGINT", onInterrupt) };
}
