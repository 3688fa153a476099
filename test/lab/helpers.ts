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

/** Runs the command in this process and collects what it writes. */
export async function kasane(words: readonly string[], own?: readonly Experiment[]) {
  const among: readonly ListedExperiment[] = own?.map(listed) ?? experiments;
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
