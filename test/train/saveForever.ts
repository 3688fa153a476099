/** Saves checkpoints to each of the files given, over and over, until it is killed, and says when one is complete: `FILE STEP`. */
import { Variable, zeros } from "kasane";
import { train } from "kasane/node";

async function saveForever(file: string): Promise<never> {
  const weight = new Variable(zeros([512, 512]));
  const state = { model: { namedVariables: () => new Map([["weight", weight]]) } };
  for (let step = 1; ; step++) {
    await weight.assign(zeros([512, 512]).add(step));
    await train.saveCheckpoint(file, { state, step, config: { filler: `${step},`.repeat(1000) } });
    process.stdout.write(`${file} ${step}\n`);
  }
}

await Promise.all(process.argv.slice(2).map(saveForever));
