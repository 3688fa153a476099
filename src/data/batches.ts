import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { checkSeed } from "../random/state.js";
import { fillUniform } from "../random/uniform.js";

/** The random stream that shuffling draws from, apart from those of traced functions. */
const shuffleStream = 0x5f1e;

/**
 * The numbers 0 to `count - 1` in an order that follows from the seed and the epoch alone (Fisher and Yates's shuffle).
 * @throws KasaneError where the seed is no integer from 0 to 2^32 - 1, or the others are none from 0
 */
export const shuffledIndices = (count: number, seed: number, epoch: number): Int32Array<ArrayBuffer> =>
  shuffledBy(count, seed, epoch, shuffleStream);

/** {@link shuffledIndices} by a random stream of its own, for a second order that has nothing to do with the first. */
export function shuffledBy(count: number, seed: number, epoch: number, stream: number): Int32Array<ArrayBuffer> {
  checkSeed("shuffledIndices", seed);
  check(isCount(epoch), () => `shuffledIndices: got epoch ${epoch}, expected an integer from 0`);
  const order = inOrder("shuffledIndices", count);
  const uniform = new Float32Array(count);
  fillUniform(uniform, [seed, epoch], stream);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor((uniform[i] as number) * (i + 1));
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function inOrder(operation: string, count: number): Int32Array<ArrayBuffer> {
  check(isCount(count), () => `${operation}: got a count of ${count}, expected an integer from 0`);
  return Int32Array.from({ length: count }, (_, i) => i);
}

/** Settings of {@link batches}. */
export interface BatchOptions {
  readonly batchSize: number;
  /** With a seed the examples are shuffled, each epoch in another order; without one they keep their order. */
  readonly seed?: number;
  readonly epoch?: number;
  /** Whether a last batch of fewer examples is left out: every batch of one shape is one compiled graph. */
  readonly dropLast?: boolean;
}

/**
 * The indices of the examples of each batch of an epoch. They follow from the options alone, so a resumed run sees what an unbroken one would.
 * @param count the number of examples
 * @throws KasaneError where a number is not of its kind: see {@link shuffledIndices}
 */
export function* batches(count: number, options: BatchOptions): Generator<Int32Array<ArrayBuffer>> {
  checkOptions("batches", options, { batchSize: "required", seed: "optional", epoch: "optional", dropLast: "optional" });
  const { batchSize, seed, epoch = 0, dropLast = false } = options;
  check(Number.isInteger(batchSize) && batchSize > 0, () => `batches: got batchSize ${batchSize}, expected an integer from 1`);
  const order = seed === undefined ? inOrder("batches", count) : shuffledIndices(count, seed, epoch);
  const end = dropLast ? count - (count % batchSize) : count;
  for (let start = 0; start < end; start += batchSize) yield order.subarray(start, Math.min(start + batchSize, end));
}

/**
 * Sequences of differing lengths as one matrix, filled up with `padding` at their ends.
 * @param length what all are filled up to, by default the longest
 * @returns `ids` `[sequences, length]` in rows, its `shape`, and the `lengths` `[sequences]`
 * @throws KasaneError where a sequence is longer, or int32 does not hold an element
 */
export function padSequences(sequences: readonly ArrayLike<number>[], padding = 0, length?: number) {
  const lengths = Int32Array.from(sequences, (sequence) => sequence.length);
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const width = length ?? longest;
  check(longest <= width, () => `padSequences: a sequence has ${longest} elements, more than the ${width} that all are filled up to`);
  check(isCount(width), () => `padSequences: got length ${width}, expected an integer from 0`);
  for (const sequence of [[padding], ...sequences]) {
    const wrong = Array.prototype.findIndex.call(sequence, (id) => (id | 0) !== id);
    check(wrong < 0, () => `padSequences: got ${sequence[wrong]}, expected integers that int32 holds`);
  }
  const ids = new Int32Array(sequences.length * width).fill(padding);
  sequences.forEach((sequence, i) => ids.set(sequence, i * width));
  return { ids, shape: [sequences.length, width], lengths };
}
