import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, vi } from "vitest";
import { execute } from "../../lab/command/execute.js";
import { type Experiment, type ListedExperiment, listed } from "../../lab/experiment.js";
import { experiments } from "../../lab/experiments.js";

/** A folder that is gone after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kasane-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the command in this process, with experiments of the test's own or with all, and collects what it writes. */
export const kasane = (words: readonly string[], own?: readonly Experiment[]) => kasaneAmong(own?.map(listed) ?? experiments, words);

/** {@link kasane} with a list of what need not be loaded. */
export async function kasaneAmong(among: readonly ListedExperiment[], words: readonly string[]) {
  const written = { stdout: "", stderr: "" };
  const collect = (stream: "stdout" | "stderr") =>
    vi.spyOn(process[stream], "write").mockImplementation((text) => {
      written[stream] += String(text);
      return true;
    });
  const spies = [collect("stdout"), collect("stderr")];
  try {
    return { code: await execute(among, words), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
