import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Entry, Problem } from "../cases/case.js";

/** A problem with its arrays. */
export interface Loaded extends Omit<Problem, "weights" | "batch"> {
  readonly weights: ReadonlyMap<string, Entry>;
  /** The whole of each array: a batch for each index of its first axis. */
  readonly batch: Readonly<Record<string, Entry>>;
  /** The batches one by one. */
  readonly batches: readonly Readonly<Record<string, Entry>>[];
}

/** A case made ready by a peer. */
export interface Ready {
  /** Runs steps; settled when they are done. Returns the last one's loss, or the model's outputs. */
  run(steps: number): Promise<number | Float32Array>;
  /** The weights now, in the order of the problem. */
  weights(): Promise<readonly Float32Array[]>;
  /** Where the time of a step goes, as text. */
  profile?(): Promise<string>;
  /** Frees what the case holds. */
  dispose(): Promise<void>;
}

/** Says that a peer cannot do a case, and why. */
export class Cannot extends Error {}

/** A peer as its process offers it. */
export interface Peer {
  readonly versions: Readonly<Record<string, string>>;
  prepare(problem: Loaded): Promise<Ready>;
}

/** The number of threads that the driver asks for. */
export const threads = Number(process.env.BENCH_THREADS);

function load(folder: string): Loaded {
  const problem = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as Problem;
  const bytes = readFileSync(join(folder, "data.bin"));
  let offset = bytes.byteOffset;
  const next = ({ name, dtype, shape }: Problem["weights"][number]): [string, Entry] => {
    const length = shape.reduce((size, each) => size * each, 1);
    const data = new (dtype === "int32" ? Int32Array : Float32Array)(bytes.buffer.slice(offset, offset + 4 * length) as ArrayBuffer);
    offset += 4 * length;
    return [name, { shape, data }];
  };
  const weights = new Map(problem.weights.map(next));
  const batch = Object.fromEntries(problem.batch.map(next));
  const slice = ({ shape, data }: Entry, i: number): Entry => {
    const size = data.length / problem.together;
    return { shape: shape.slice(1), data: data.slice(i * size, (i + 1) * size) };
  };
  const batches = Array.from({ length: problem.together }, (_, i) =>
    Object.fromEntries(Object.entries(batch).map(([name, numbers]) => [name, slice(numbers, i)])),
  );
  return { ...problem, weights, batch, batches };
}

/**
 * Answers the driver: each line of standard input is a command, each line of file descriptor 3 its answer, both JSON.
 * - `prepare`, with the folder of a case: makes it ready and runs one round of its batches, timed; what that gave, the updated weights or
 *   the outputs, goes into a file.
 * - `exact`: writes what a round gives in double precision into a file, which only PyTorch's peer does.
 * - `run`, with a number of steps: runs them, timed.
 * - `profile`: says where the time of a step goes, which only Kasane's peer does.
 * - `memory`: the greatest resident set so far, in bytes.
 */
export function serve(peer: Peer): void {
  const answers = createWriteStream("", { fd: 3 });
  let ready: Ready | undefined;
  const commands: Record<string, (command: Record<string, unknown>) => Promise<object>> = {
    async prepare({ folder, result }) {
      await ready?.dispose();
      ready = undefined;
      const problem = load(folder as string);
      const start = performance.now();
      ready = await peer.prepare(problem);
      const value = await ready.run(problem.together);
      const milliseconds = performance.now() - start;
      const arrays = typeof value === "number" ? await ready.weights() : [value];
      writeFileSync(result as string, Buffer.concat(arrays.map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))));
      return { milliseconds, loss: typeof value === "number" ? value : 0 };
    },
    async run({ steps }) {
      const start = performance.now();
      await ready?.run(steps as number);
      return { milliseconds: performance.now() - start };
    },
    async profile() {
      return { text: await ready?.profile?.() };
    },
    async memory() {
      return { bytes: process.resourceUsage().maxRSS * 1024 };
    },
  };
  const answer = (value: object) => answers.write(`${JSON.stringify(value)}\n`);
  let queue = Promise.resolve();
  createInterface({ input: process.stdin }).on("line", (line) => {
    queue = queue.then(async () => {
      const command = JSON.parse(line);
      try {
        answer(await (commands[command.do] as (typeof commands)[string])(command));
      } catch (error) {
        answer(error instanceof Cannot ? { cannot: error.message } : { error: error instanceof Error ? error.stack : String(error) });
      }
    });
  });
  answer({ versions: peer.versions });
}
