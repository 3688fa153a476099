import { data } from "kasane";
import { describe, expect, it } from "vitest";

/** The padding that buckets add to examples, each in the first that it fits into. */
const paddingOf = (lengths: readonly data.PaddedLengths[], buckets: readonly data.PaddedLengths[]): number => {
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  return sum(
    lengths.map((example) => {
      const bucket = buckets.find((padded) => example.every((length, axis) => length <= (padded[axis] as number)));
      return sum(bucket as number[]) - sum(example);
    }),
  );
};

describe("lengthBuckets", () => {
  it("finds the lengths that add the least padding, as trying all shows", () => {
    const lengths = [1, 1, 1, 2, 5, 5, 6, 9, 9, 9, 9, 12].map((length) => [length]);
    const buckets = data.lengthBuckets(lengths, 3);
    let least = Number.POSITIVE_INFINITY;
    for (let a = 1; a <= 12; a++) for (let b = a; b <= 12; b++) least = Math.min(least, paddingOf(lengths, [[a], [b], [12]]));
    expect(paddingOf(lengths, buckets)).toBe(least);
    expect(buckets).toEqual([[2], [9], [12]]);
  });

  it("does so for pairs of lengths too, among buckets that fit into each other", () => {
    const lengths = [
      [1, 2],
      [2, 1],
      [2, 2],
      [3, 5],
      [4, 4],
      [2, 5],
      [6, 6],
      [5, 6],
      [1, 6],
    ];
    let least = Number.POSITIVE_INFINITY;
    const all = Array.from({ length: 36 }, (_, i) => [1 + Math.floor(i / 6), 1 + (i % 6)] as const);
    for (const a of all) for (const b of all) if (a[0] <= b[0] && a[1] <= b[1]) least = Math.min(least, paddingOf(lengths, [a, b, [6, 6]]));
    const buckets = data.lengthBuckets(lengths, 3);
    expect(buckets).toHaveLength(3);
    expect(buckets.at(-1)).toEqual([6, 6]);
    expect(paddingOf(lengths, buckets)).toBe(least);
  });

  it("takes no more buckets than there are lengths, and tries few of very many", () => {
    expect(data.lengthBuckets([[3], [3]], 5)).toEqual([[3]]);
    const many = Array.from({ length: 1000 }, (_, i) => [i + 1, 1001 - i]);
    const buckets = data.lengthBuckets(many, 4);
    expect(buckets.length).toBeLessThanOrEqual(4);
    expect(buckets.at(-1)).toEqual([1000, 1001]);
  });
});

describe("bucketedBatches", () => {
  // Lengths 1 to 10, 13 examples of each.
  const lengths = Array.from({ length: 130 }, (_, i) => [1 + (i % 10)]);
  const buckets = [[3], [7], [10]];

  it.each([undefined, 5])("takes every example once, where it fits, and fills all batches but one (seed %s)", (seed) => {
    const made = data.bucketedBatches(lengths, { batchSize: 8, buckets, ...(seed === undefined ? {} : { seed }) });
    expect(made.flatMap(({ places }) => [...places]).sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
    for (const { places, padded } of made) {
      expect(buckets).toContainEqual(padded);
      for (const place of places) expect(lengths[place]?.[0]).toBeLessThanOrEqual(padded[0] as number);
    }
    // 130 = 16 * 8 + 2
    expect(made.map(({ places }) => places.length).sort((a, b) => a - b)).toEqual([2, ...new Array(16).fill(8)]);
    // 39 of the first bucket make 4 batches; the 7 left over and the 52 of the second make 7, the rest goes on to the third.
    const counts = buckets.map(([length]) => made.filter(({ padded }) => padded[0] === length).length);
    expect(counts).toEqual([4, 7, 6]);
  });

  it("follows from the seed and the epoch, and mixes the buckets", () => {
    const of = (epoch: number, seed = 1) => data.bucketedBatches(lengths, { batchSize: 8, buckets, seed, epoch });
    expect(of(3)).toEqual(of(3));
    expect(of(3)).not.toEqual(of(4));
    expect(of(3)).not.toEqual(of(3, 2));
    const order = of(3).map(({ padded }) => padded[0] as number);
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
  });

  it("gives batches of single examples in every order, each as often", () => {
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 1200; epoch++) {
      const made = data.bucketedBatches([[1], [1], [1]], { batchSize: 1, buckets: [[1]], seed: 0, epoch });
      const order = made.flatMap(({ places }) => [...places]).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // Five standard deviations of 1,200 draws are 65.
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(65);
  });

  it("needs as many graphs as batchShapes says, in every epoch", () => {
    const options = { batchSize: 8, buckets };
    expect(data.batchShapes(lengths, options)).toEqual([
      [8, 3],
      [8, 7],
      [8, 10],
      [2, 10],
    ]);
    expect(data.batchShapes(lengths, { ...options, dropLast: true })).toHaveLength(3);
    for (const epoch of [0, 1, 2]) {
      const shapes = data
        .bucketedBatches(lengths, { ...options, seed: 3, epoch })
        .map(({ places, padded }) => `${places.length},${padded}`);
      expect(new Set(shapes).size).toBe(4);
    }
  });

  it("complains of what fits nowhere, and of buckets that do not fit into each other", () => {
    expect(() => data.bucketedBatches([[11]], { batchSize: 2, buckets })).toThrow("lengths 11 fit into no bucket: the last is 10");
    const crossed = [
      [3, 5],
      [5, 3],
    ];
    expect(() => data.bucketedBatches([[1, 1]], { batchSize: 2, buckets: crossed })).toThrow("buckets [3,5], [5,3]: expected each to fit");
  });
});
