import { Worker } from "node:worker_threads";

/** Larger than any cache. */
const length = 16 * 2 ** 20;

const copier = `
const { parentPort, workerData: length } = require("node:worker_threads");
const [from, to] = [new Float32Array(length).fill(1), new Float32Array(length)];
parentPort.on("message", (copies) => {
  const start = performance.now();
  for (let i = 0; i < copies; i++) to.set(from);
  parentPort.postMessage(performance.now() - start);
});`;

/** Bytes read and written a second when each of `threads` threads copies an array of 64 MB: the best of some rounds. */
export async function copyBandwidth(threads: number, rounds: number): Promise<number> {
  const workers = Array.from({ length: threads }, () => new Worker(copier, { eval: true, workerData: length }));
  const copy = (worker: Worker, copies: number) =>
    new Promise<number>((resolve, reject) => {
      worker.once("message", resolve).once("error", reject).postMessage(copies);
    });
  let best = 0;
  for (let round = 0; round <= rounds; round++) {
    const copies = 4;
    const times = await Promise.all(workers.map((worker) => copy(worker, copies)));
    best = Math.max(best, (threads * copies * 2 * 4 * length) / (Math.max(...times) / 1000));
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return best;
}
