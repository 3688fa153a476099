/** Prints the losses of a run of 12 steps; test/train/determinism.test.ts starts it. */
import { train } from "kasane/node";
import { sampleRun } from "./sampleRun.js";

const { options, losses } = sampleRun(Number(process.argv[2]));
await train.fit({ ...options, steps: 12 });
process.stdout.write(JSON.stringify(losses));
