import { afterEach, describe, expect, test } from "vitest";
import { KasaneError } from "../../src/index.js";
import { train } from "../../src/node.js";
import { type PictureJob, url } from "./preparePictures.js";
import { url as sameUrl } from "./prepareSame.js";

interface Prepared {
  readonly pixels: Uint8Array;
  readonly first: number;
}

const pixels = new SharedArrayBuffer(25 * 12);
new Uint8Array(pixels).forEach((_, i, all) => {
  all[i] = (i * 37) % 251;
});
const setup = { pixels, seed: 3 };
const jobs = (epoch: number): PictureJob[] => [0, 1, 2, 3, 4, 5].map((i) => ({ epoch, indices: [i, 11 - i] }));

const open: { close(): Promise<void> }[] = [];
function ahead(workers: number, options: Partial<train.AheadOptions> = {}) {
  const made = new train.Ahead<PictureJob, Prepared>({ module: url, setup, workers, ...options });
  open.push(made);
  return made;
}

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of results) found.push(each);
  return found;
}

describe("what is prepared ahead", () => {
  test("may be written into one array again and again", async () => {
    const made = new train.Ahead<number, Float32Array>({ module: sameUrl, workers: 1, ahead: 3 });
    open.push(made);
    expect(await all(made.prepared([1, 2, 3, 4]))).toEqual([1, 2, 3, 4].map((job) => new Float32Array(3).fill(job)));
  });

  test("is the same with and without threads, in the order of the jobs, for a run that goes on too", async () => {
    const [none, two] = [ahead(0), ahead(2, { ahead: 3 })];
    for (const epoch of [0, 1]) {
      const expected = await all(none.prepared(jobs(epoch)));
      expect(expected.map(({ first }) => first)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(await all(two.prepared(jobs(epoch)))).toEqual(expected);
      // A resumed epoch draws its later batches alone.
      expect(await all(two.prepared(jobs(epoch).slice(4)))).toEqual(expected.slice(4));
    }
    expect([none.count, two.count]).toEqual([12, 16]);
    // Of the waits in this thread three in each epoch are of 5 ms.
    expect(none.waitedSeconds).toBeGreaterThan(0.02);
    expect(two.waitedSeconds).toBeGreaterThan(0);
  });

  test("is begun no further ahead than asked for, and only for as long as results are asked for", async () => {
    const drawn: number[] = [];
    function* counted() {
      for (const job of jobs(0)) {
        drawn.push(job.indices[0] as number);
        yield job;
      }
    }
    const some = ahead(1, { ahead: 2 });
    for await (const { first } of some.prepared(counted())) {
      expect(drawn.length).toBe(first + 2);
      if (first === 2) break;
    }
    expect(drawn).toEqual([0, 1, 2, 3]);
    // What was left over does not come into the next loop.
    expect((await all(some.prepared(jobs(1)))).map(({ first }) => first)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test.each([0, 1])("an error comes in its turn: %i threads", async (workers) => {
    const failing = ahead(workers);
    const seen: number[] = [];
    const loop = async (fails: PictureJob["fails"]) => {
      for await (const { first } of failing.prepared([...jobs(0).slice(0, 2), { epoch: 0, indices: [], fails }])) seen.push(first);
    };
    await expect(loop("expected")).rejects.toThrow(new KasaneError("picture 7: damaged"));
    expect(seen).toEqual([0, 1]);
    await expect(loop("unexpected")).rejects.toThrow("a fault");
    // The threads are still there.
    expect(await all(failing.prepared(jobs(0).slice(0, 1)))).toHaveLength(1);
  });

  test("a thread that ends is an error", async () => {
    const ending = ahead(1);
    await expect(all(ending.prepared([{ epoch: 0, indices: [], fails: "exit" }]))).rejects.toThrow(
      "Ahead: a worker thread ended (exit code 3)",
    );
    await expect(all(ending.prepared(jobs(0)))).rejects.toThrow("Ahead: a worker thread ended (exit code 3)");
  });

  test("wrong options and modules are named", async () => {
    expect(() => ahead(-1)).toThrow("Ahead: got -1 workers, expected an integer from 0 to 256");
    expect(() => ahead(1, { ahead: 0 })).toThrow("Ahead: got ahead 0, expected an integer from 1");
    expect(() => ahead(1, { threads: 1 } as never)).toThrow("Ahead: unknown option threads");
    const module = new URL("../../src/train/aheadModule.ts", import.meta.url);
    for (const workers of [0, 1]) {
      const loop = all(ahead(workers, { module }).prepared(jobs(0)));
      await expect(loop).rejects.toThrow("aheadModule.ts exports no function called prepare");
    }
    const closed = ahead(0);
    await closed.close();
    await expect(all(closed.prepared(jobs(0)))).rejects.toThrow("Ahead: it is closed");
  });
});
