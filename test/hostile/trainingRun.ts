/** Trains a small model in a folder, from its last checkpoint where there is one; test/hostile/process.ts starts, starves and kills it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { KasaneError } from "kasane";
import { train } from "kasane/node";
import { sampleRun } from "../train/sampleRun.js";

const [folder, workers] = process.argv.slice(2) as [string, string];
try {
  const { options, model } = sampleRun(11, 4, Number(workers));
  await train.fit({
    ...options,
    step: async (batch) => {
      const figures = await options.step(batch);
      process.stdout.write("step\n");
      await new Promise((resolve) => setTimeout(resolve, 3));
      return figures;
    },
    epochs: 20,
    recordEvery: 3,
    validate: async () => ({ weight: (await model.output.weight.data())[0] as number }),
    best: { metric: "weight" },
    folder,
    saveEverySeconds: 0.05,
    resume: existsSync(join(folder, "last.safetensors")),
    overwrite: true,
  });
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof KasaneError ? error : (error as Error).stack}\n`);
  process.exit(2);
}
