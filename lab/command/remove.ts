import { createInterface } from "node:readline/promises";
import { check } from "kasane";
import { print } from "../output.js";
import { RunFolder } from "../runFolder.js";
import type { CommonFlags } from "./commonFlags.js";

/** Removes run folders. None is removed where one of the names is no run, or the user says no. */
export async function removeRuns(names: readonly string[], { runs, yes }: CommonFlags & { readonly yes?: boolean }): Promise<void> {
  const folders = names.map((name) => RunFolder.open(name, runs));
  const shown = folders.map((folder) => folder.shown).join(", ");
  if (!yes) {
    check(process.stdin.isTTY, () => `remove: nobody can be asked here, expected --yes to remove ${shown}`);
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await terminal.question(`Remove ${shown}? [y/N] `).finally(() => terminal.close());
    if (!/^y(es)?$/i.test(answer.trim())) return print("nothing was removed");
  }
  for (const folder of folders) {
    // A run that is still training is not removed.
    const lock = await folder.lock();
    folder.remove();
    lock.release();
  }
  print(`removed: ${shown}`);
}
