/** Trains until it is interrupted; test/train/fit.test.ts starts it and sends the signals. With `slow`, a step never ends. */
import { train } from "kasane/node";
import { sampleRun } from "./sampleRun.js";

const [folder, slow] = process.argv.slice(2) as [string, string | undefined];
const { options } = sampleRun(11);
const result = await train.fit({
  ...options,
  step: async (batch) => {
    const figures = await options.step(batch);
    process.stdout.write("step\n");
    if (slow) await new Promise((resolve) => setTimeout(resolve, 60_000));
    return figures;
  },
  steps: 1_000_000,
  folder,
  progress: process.stderr,
  howToResume: "run it again",
});
process.stdout.write(`${result.ended} ${result.step} by ${result.interrupt}\n`);
