import { exitCodeOf } from "./light.js";

/** What the command ends with, as shells know them; a run that was interrupted ends with 130 or, by SIGTERM, 143. */
export const exitCodes = { ok: 0, bug: 1, userError: 2 } as const;

/** Ends a command that could not end well, and has said why. */
export class EndedWith extends Error {
  constructor(readonly exitCode: number) {
    super(`ended with exit code ${exitCode}`);
  }
}

/** Ends a command whose training was interrupted, after it was saved. */
export class Interrupted extends EndedWith {
  constructor(signal: NodeJS.Signals = "SIGINT") {
    super(exitCodeOf(signal));
  }
}
