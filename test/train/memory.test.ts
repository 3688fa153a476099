import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";

/**
 * What the resident memory may grow by after the warm-up, in MiB: the allocator's own unrest. A step that kept as little as
 * a kilobyte would add 16 MiB in the steps that are watched, and functions that kept their sessions, half a MiB each, 200 MiB.
 */
const bound = 12;

it("trains 20,000 steps and compiles 500 functions at constant resident memory", async () => {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ["--expose-gc", "--import", "tsx", "test/train/memoryRun.ts"]);
  const { steps, functions } = JSON.parse(stdout) as { steps: number[]; functions: number[] };
  expect(steps).toHaveLength(20);
  expect(functions).toHaveLength(10);
  // 4,000 steps, and 100 functions, are the warm-up: 64 sessions are open at a time.
  const [first, last] = [steps[3] as number, Math.min(...steps.slice(-3))];
  expect(last - first, `MiB after each thousand steps: ${steps.map(Math.round)}`).toBeLessThan(bound);
  const [early, late] = [functions[1] as number, Math.min(...functions.slice(-3))];
  expect(late - early, `MiB after each 50 functions: ${functions.map(Math.round)}`).toBeLessThan(bound);
}, 120_000);
