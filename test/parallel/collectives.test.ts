import { expect, test } from "vitest";
import { Aborted, footprint, memoryFor, SharedMemory } from "../../src/parallel/collectives.js";

/** So many workers on one thread: what they exchange is the same as between threads. */
function group(size: number, bytes: number): SharedMemory[] {
  const each = footprint([bytes]);
  const memory = new SharedArrayBuffer(memoryFor(size, { allReduce: each, broadcast: each, scatter: each, gather: each }));
  return Array.from({ length: size }, (_, rank) => new SharedMemory(memory, rank, size, false));
}

const all = <T>(workers: readonly SharedMemory[], body: (worker: SharedMemory) => Promise<T>) => Promise.all(workers.map(body));

test.each([1, 2, 3, 5])("allReduce gives each of %i workers the sums, for any number of elements", async (size) => {
  for (const length of [0, 1, 7, 64]) {
    const values = Array.from({ length: size }, (_, rank) => Float32Array.from({ length }, (_, i) => i + 10 * rank));
    await all(group(size, length * 4), (worker) => worker.allReduce([values[worker.rank] as Float32Array]));
    // Σ (i + 10 rank) = size i + 10 size (size - 1) / 2
    for (const value of values) expect([...value]).toEqual(Array.from({ length }, (_, i) => size * i + 5 * size * (size - 1)));
  }
});

test("a step of all the operations, twice over", async () => {
  const workers = group(3, 12);
  for (const round of [1, 2]) {
    for (const worker of workers) worker.begin({ reset: worker.rank === 0 });
    const given = workers.map(({ rank }) => Float64Array.of(rank === 0 ? round : 0));
    const parts = workers.map(({ rank }) => Int32Array.of(rank === 0 ? -1 : 0));
    const scattered = [[new Int32Array(1)], [Int32Array.of(10 * round)], [Int32Array.of(20 * round)]];
    const gathered = workers.map(() => [new Uint8Array(3)]);
    await all(workers, async (worker) => {
      const { rank } = worker;
      await worker.broadcast([given[rank] as Float64Array]);
      await worker.scatter([parts[rank] as Int32Array], rank === 0 ? scattered : undefined);
      await worker.barrier();
      await worker.gather([Uint8Array.of(rank, rank + round, 7)], rank === 0 ? gathered : undefined);
    });
    expect(given.map(([value]) => value)).toEqual([round, round, round]);
    // The leader has its own.
    expect(parts.map(([value]) => value)).toEqual([-1, 10 * round, 20 * round]);
    expect(gathered.map(([value]) => [...(value as Uint8Array)])).toEqual([
      [0, 0, 0],
      [1, 1 + round, 7],
      [2, 2 + round, 7],
    ]);
  }
});

test("one that aborts ends the step for those that wait and for those that come later", async () => {
  const workers = group(3, 4) as [SharedMemory, SharedMemory, SharedMemory];
  const waiting = workers[0].barrier();
  workers[1].abort();
  await expect(waiting).rejects.toBeInstanceOf(Aborted);
  await expect(workers[2].allReduce([new Float32Array(1)])).rejects.toBeInstanceOf(Aborted);
  for (const worker of workers) worker.begin({ reset: worker.rank === 0 });
  await all(workers, (worker) => worker.barrier());
});
