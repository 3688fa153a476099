import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { train } from "kasane/node";
import { expect, it } from "vitest";
import { sampleRun } from "./sampleRun.js";

async function lossesOf(seed: number): Promise<number[]> {
  const { options, losses } = sampleRun(seed);
  await train.fit({ ...options, steps: 12 });
  return losses;
}

it("gives the same losses to the bit for the same seed, in this process and in another", async () => {
  const losses = await lossesOf(21);
  expect(losses).toHaveLength(12);
  expect(await lossesOf(21)).toEqual(losses);
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", "test/train/printLosses.ts", "21"]);
  expect(JSON.parse(stdout)).toEqual(losses);
  expect(await lossesOf(22)).not.toEqual(losses);
});
