import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { batches, shuffledBy, shuffledIndices } from "./batches.js";

/** The lengths that the sequences of an example are padded to, such as those of a source and its target. */
export type PaddedLengths = readonly number[];

/** A batch of examples, all padded to the same lengths. */
export interface BucketedBatch {
  /** The indices of its examples. */
  readonly places: Int32Array<ArrayBuffer>;
  readonly padded: PaddedLengths;
}

/** The random stream that batches are shuffled by, after their examples. */
const batchStream = 0x6273;

/** The most different lengths of a sequence that are tried as padded lengths. */
const maximumCandidates = 24;

/**
 * The few lengths to pad to that add the least padding: every bucket is at least as long as those before it, an example goes into the first
 * that it fits into, and the last takes all. Found by dynamic programming over the lengths that occur.
 * @param lengths of the sequences of every example, such as `[source, target]`
 * @param count how many buckets there are at most
 */
export function lengthBuckets(lengths: readonly PaddedLengths[], count: number): PaddedLengths[] {
  check(
    lengths.length > 0 && lengths.every(Array.isArray),
    () => "lengthBuckets: expected the lengths of one example or more, such as [[3, 5]]",
  );
  check(Number.isInteger(count) && count > 0, () => `lengthBuckets: got ${count} buckets, expected an integer from 1`);
  const axes = (lengths[0] as PaddedLengths).map((_, axis) => candidatesOf(lengths.map((example) => example[axis] as number)));
  const corners = axes.reduce<PaddedLengths[]>((all, axis) => all.flatMap((corner) => axis.map((length) => [...corner, length])), [[]]);
  const different = countEqual(lengths);
  // Ascending in every length, so what fits into a corner stands before it.
  const fitting = corners.map((corner) => different.reduce((sum, { example, times }) => sum + (fits(example, corner) ? times : 0), 0));
  const costs = corners.map((corner) => corner.reduce((sum, length) => sum + length, 0));

  // cost[k, c] = min over b ≤ c of cost[k - 1, b] + (fitting[c] - fitting[b]) * size[c]: what the first k buckets hold, the last being c
  let best = corners.map((_, c) => ({ cost: (fitting[c] as number) * (costs[c] as number), buckets: [c] }));
  for (let k = 1; k < count; k++) {
    best = corners.map((corner, c) => {
      let chosen = best[c] as (typeof best)[0];
      for (let b = 0; b < c; b++) {
        const before = best[b] as (typeof best)[0];
        const cost = before.cost + ((fitting[c] as number) - (fitting[b] as number)) * (costs[c] as number);
        if (cost < chosen.cost && fits(corners[b] as PaddedLengths, corner)) chosen = { cost, buckets: [...before.buckets, c] };
      }
      return chosen;
    });
  }
  return (best.at(-1) as (typeof best)[0]).buckets.map((c) => corners[c] as PaddedLengths);
}

const fits = (example: PaddedLengths, bucket: PaddedLengths): boolean =>
  example.every((length, axis) => length <= (bucket[axis] as number));

/** The different values in ascending order. Of very many, quantiles of all values, the greatest among them. */
function candidatesOf(values: readonly number[]): number[] {
  const different = [...new Set(values)].sort((a, b) => a - b);
  if (different.length <= maximumCandidates) return different;
  const sorted = [...values].sort((a, b) => a - b);
  const part = sorted.length / maximumCandidates;
  return [...new Set(Array.from({ length: maximumCandidates }, (_, i) => sorted[Math.ceil((i + 1) * part) - 1] as number))];
}

function countEqual(lengths: readonly PaddedLengths[]): { example: PaddedLengths; times: number }[] {
  const counts = new Map<string, { example: PaddedLengths; times: number }>();
  for (const example of lengths) {
    const entry = counts.get(example.join()) ?? { example, times: 0 };
    entry.times++;
    counts.set(example.join(), entry);
  }
  return [...counts.values()];
}

/** Settings of {@link bucketedBatches}. */
export interface BucketOptions {
  readonly batchSize: number;
  /** From {@link lengthBuckets}. */
  readonly buckets: readonly PaddedLengths[];
  /** With a seed the examples are shuffled among those of their bucket, and the batches too, each epoch in another order. */
  readonly seed?: number;
  readonly epoch?: number;
  /** Whether a last batch of fewer examples is left out. */
  readonly dropLast?: boolean;
}

/**
 * The batches of an epoch, each of examples of like lengths. What is left over in a bucket fills the next, so one batch alone may have fewer
 * examples. They follow from the options alone.
 * @param lengths of the sequences of every example
 * @throws KasaneError where an example fits into no bucket
 */
export function bucketedBatches(lengths: readonly PaddedLengths[], options: BucketOptions): BucketedBatch[] {
  checkOptions("bucketedBatches", options, {
    batchSize: "required",
    buckets: "required",
    seed: "optional",
    epoch: "optional",
    dropLast: "optional",
  });
  const { batchSize, buckets, seed, epoch = 0, dropLast = false } = options;
  const isNested = buckets.every((bucket, i) => i === 0 || fits(buckets[i - 1] as PaddedLengths, bucket));
  check(
    isNested,
    () => `bucketedBatches: buckets ${buckets.map((bucket) => `[${bucket}]`).join(", ")}: expected each to fit into the next`,
  );
  const pools = buckets.map((): number[] => []);
  for (const place of seed === undefined ? lengths.keys() : shuffledIndices(lengths.length, seed, epoch)) {
    const example = lengths[place] as PaddedLengths;
    const bucket = buckets.findIndex((padded) => fits(example, padded));
    check(
      bucket >= 0,
      () => `bucketedBatches: lengths ${example.join(", ")} fit into no bucket: the last is ${buckets.at(-1)?.join(", ")}`,
    );
    (pools[bucket] as number[]).push(place);
  }
  const made: BucketedBatch[] = [];
  let left: number[] = [];
  pools.forEach((pool, bucket) => {
    const isLast = bucket === buckets.length - 1;
    const all = [...left, ...pool];
    left = [];
    for (const part of batches(all.length, { batchSize })) {
      const examples = part.map((i) => all[i] as number);
      if (examples.length === batchSize || (isLast && !dropLast)) made.push({ places: examples, padded: buckets[bucket] as PaddedLengths });
      else left = [...examples];
    }
  });
  return seed === undefined ? made : Array.from(shuffledBy(made.length, seed, epoch, batchStream), (i) => made[i] as BucketedBatch);
}

/**
 * The shapes of the batches that {@link bucketedBatches} makes of these examples in any epoch, as `[examples, ...lengths]`. A
 * step is compiled for each of them, so their number is the number of graphs.
 */
export function batchShapes(lengths: readonly PaddedLengths[], options: BucketOptions): number[][] {
  const shapes = bucketedBatches(lengths, options).map(({ places, padded }) => [places.length, ...padded]);
  return [...new Map(shapes.map((shape) => [shape.join(), shape])).values()];
}
