import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Kind } from "./files.js";
import type { Choices } from "./random.js";

/** Trains in a process of its own; gives how it ended and what it wrote. */
function trainIn(folder: string, { limit = "", workers = 1 } = {}) {
  const words = `trap '' XFSZ; ${limit} exec "$0" --import tsx test/hostile/trainingRun.ts "$1" ${workers}`;
  const child = spawn("bash", ["-c", words, process.execPath, folder], { stdio: ["ignore", "pipe", "pipe"] });
  const written = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => (written.stdout += text));
  child.stderr.on("data", (text) => (written.stderr += text));
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, ...written }));
  return { child, ended };
}

const unbroken = new Map<number, Promise<string>>();

/** What a run records that nothing breaks. */
function expected(folder: string, workers: number): Promise<string> {
  const known = unbroken.get(workers);
  if (known) return known;
  const whole = join(folder, "..", `whole-${workers}`);
  const record = trainIn(whole, { workers }).ended.then(({ code, stderr }) => {
    if (code !== 0) throw new Error(`the unbroken run ended with ${code}: ${stderr}`);
    return readFileSync(join(whole, "metrics.jsonl"), "utf8");
  });
  unbroken.set(workers, record);
  return record;
}

/** Goes on until the run is complete, and throws unless it recorded what the unbroken one did and left nothing else. */
async function complete(folder: string, workers: number): Promise<void> {
  const { code, stderr } = await trainIn(folder, { workers }).ended;
  if (code !== 0) throw new Error(`the run does not go on: ended with ${code}: ${stderr}`);
  const [got, wanted] = [readFileSync(join(folder, "metrics.jsonl"), "utf8"), await expected(folder, workers)];
  if (got !== wanted) throw new Error(`the records differ from an unbroken run's: ${got} instead of ${wanted}`);
  const left = (await readdir(folder)).filter((name) => !["metrics.jsonl", "last.safetensors", "best.safetensors"].includes(name));
  if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
}

/** Kills a run now and then, up to three times. */
async function killed(choices: Choices, folder: string, workers: number): Promise<void> {
  await expected(folder, workers);
  for (let kills = 1 + choices.integer(3); kills > 0; kills--) {
    const { child, ended } = trainIn(folder, { workers });
    const signal = choices.of(["SIGKILL", "SIGKILL", "SIGTERM", "SIGINT"] as const);
    // From the first step on; a run takes about a second after it.
    child.stdout.once("data", () => setTimeout(() => child.kill(signal), choices.integer(400)));
    const { code, signal: by, stderr } = await ended;
    if (by !== "SIGKILL" && code !== 0) throw new Error(`${signal} ended it with ${code ?? by}: ${stderr}`);
  }
  await complete(folder, workers);
}

export const processKinds: Readonly<Record<string, Kind>> = {
  killed: (choices, folder) => killed(choices, folder, 1),

  killedWorkers: (choices, folder) => killed(choices, folder, 2),

  async fullDisk(choices, folder) {
    await expected(folder, 1);
    // In blocks of 1,024 bytes: from less than a record to more than a checkpoint.
    const { code, stderr } = await trainIn(folder, { limit: `ulimit -f ${choices.integer(12)};` }).ended;
    const isLine = /^KasaneError: [^\n]*(cannot be written)[^\n]*\n$/.test(stderr);
    if (code !== 0 && !(code === 2 && isLine)) throw new Error(`a full disk ended it with ${code}: ${stderr}`);
    await complete(folder, 1);
  },
};
