import { exitCodeOf } from "./light.js";

/** Exit codes of the command, by the convention of shells. An interrupted run ends with 130, or 143 by SIGTERM. */
export const exitCodes = { ok: 0, bug: 1, userError: 2 } as const;

/** Ends a command that failed and has already said why. */
export class EndedWith extends Error {
  constructor(readonly exitCode: number) {
    super(`ended with exit code ${exitCode}`);
  }
}

/** Ends a command whose training was interrupted and saved. */
export class Interrupted extends EndedWith {
  constructor(signal: NodeJS.Signals = "SIGINT") {
    super(exitCodeOf(signal));
  }
}
