/**
 * Agents that learn to balance CartPole, beside the same in PyTorch and Gymnasium: `npm run bench:agents [-- --python PYTHON]`. Microseconds of CPU
 * time for each step of the environment, choices of actions, replay and updates included, in alternating rounds of two processes of one thread each.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { commandOf, environmentOf, python as installed } from "./run/peers.js";
import { median } from "./run/results.js";

interface Options {
  readonly python: string;
  readonly rounds: string;
}

/** Steps of a round, a multiple of PPO's rollouts of 512 steps, and of those before the first round: DQN must learn by then. */
const [round, warmUp] = [5120, 10_240];

const methods = { dqn: "DQN, 120-84, batch 128, an update every 10 steps", ppo: "PPO, 64-64, 4 environments, 16 updates for 512 steps" };

/** A process that answers each line with a line. */
class Peer {
  private readonly lines: AsyncIterator<string>;

  private constructor(private readonly process: ChildProcess) {
    this.lines = createInterface({ input: process.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  static async start([file, ...words]: readonly string[]): Promise<{ peer: Peer; versions: object }> {
    const child = spawn(file as string, words, { env: environmentOf(1), stdio: ["pipe", "pipe", "inherit"] });
    const peer = new Peer(child);
    return { peer, versions: JSON.parse(await peer.answer()) };
  }

  async run(method: string, steps: number): Promise<number> {
    this.process.stdin?.write(`${method} ${steps}\n`);
    return Number(await this.answer());
  }

  stop(): void {
    this.process.kill();
  }

  private async answer(): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done) throw new Error("the process ended: it needs torch and gymnasium, as bench/requirements.txt has them");
    return value;
  }
}

const program = new Command("npm run bench:agents --")
  .option("--python <file>", "a Python with PyTorch and Gymnasium", installed)
  .option("--rounds <number>", "rounds of each method", "7")
  .parse();
const { python, rounds } = program.opts<Options>();
const description = { name: "", label: "", needs: [] } as const;
const kasane = await Peer.start(commandOf({ ...description, kind: "kasane", program: ["agents.ts"] }, 1));
const bound = commandOf({ ...description, kind: "python", program: ["agents_torch.py"] }, 1);
const torch = await Peer.start(bound.map((word) => (word === installed ? python : word)));
console.log({ ...kasane.versions, ...torch.versions });
try {
  for (const [method, title] of Object.entries(methods)) {
    const times = { kasane: [] as number[], torch: [] as number[] };
    for (const { peer } of [kasane, torch]) await peer.run(method, warmUp);
    for (let i = 0; i < Number(rounds); i++) {
      times.kasane.push(await kasane.peer.run(method, round));
      times.torch.push(await torch.peer.run(method, round));
    }
    const [ours, theirs] = [median(times.kasane), median(times.torch)];
    const show = (values: number[]) =>
      `${median(values).toFixed(1)} µs (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`;
    console.log(`${title}: Kasane ${show(times.kasane)}, PyTorch ${show(times.torch)}: ${(theirs / ours).toFixed(1)} times`);
    console.log(`  500,000 steps: Kasane ${(ours / 2).toFixed(1)} s, PyTorch ${(theirs / 2).toFixed(0)} s`);
  }
} finally {
  for (const { peer } of [kasane, torch]) peer.stop();
}
