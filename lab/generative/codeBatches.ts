import { check, data, type Tensor, tensor } from "kasane";
import { type Clip, type Conditions, labelsOf } from "./sounds.js";

/** The code of silence: it stands before a recording. */
export const silence = 128;

/** Codes as the network reads and predicts them. */
export interface CodeBatch {
  /** int32 `[batch, length]`: those before each of `targets`. */
  readonly codes: Tensor;
  /** int32 `[batch, length]` */
  readonly targets: Tensor;
  /** int32 `[batch, conditions]`, where there are conditions. */
  readonly labels: Tensor | undefined;
}

/** A stretch of sound: each of `targets` comes after the code at its place in `codes`. */
interface Stretch {
  readonly codes: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  readonly labels: readonly number[];
}

/** Stretches of one length as a batch. */
function batchOf(stretches: readonly Stretch[]): CodeBatch {
  const rows = (of: (stretch: Stretch) => ArrayLike<number>) => {
    const each = stretches.map(of);
    const { length } = each[0] as ArrayLike<number>;
    const elements = new Int32Array(each.length * length);
    each.forEach((row, i) => elements.set(row, i * length));
    return tensor(elements, { shape: [each.length, length] });
  };
  const isConditioned = stretches.some(({ labels }) => labels.length > 0);
  return {
    codes: rows(({ codes }) => codes),
    targets: rows(({ targets }) => targets),
    labels: isConditioned ? rows(({ labels }) => labels) : undefined,
  };
}

/** Recordings of the same classes, and how many stretches an epoch takes of them. */
interface Group {
  readonly clips: readonly Clip[];
  readonly labels: readonly number[];
  readonly samples: number;
  readonly count: number;
}

/** Batches of stretches of sound. */
export class CodeBatches {
  private readonly groups: readonly Group[];
  /** Steps of an epoch. */
  readonly perEpoch: number;

  constructor(
    clips: readonly Clip[],
    conditions: Conditions,
    private readonly sizes: { readonly length: number; readonly batchSize: number },
  ) {
    const { length, batchSize } = sizes;
    const byLabels = new Map<string, Clip[]>();
    for (const clip of clips) {
      const key = labelsOf(clip, conditions).join();
      byLabels.set(key, [...(byLabels.get(key) ?? []), clip]);
    }
    this.groups = [...byLabels.values()].map((clips) => {
      const samples = clips.reduce((sum, { codes }) => sum + codes.length, 0);
      return { clips, labels: labelsOf(clips[0] as Clip, conditions), samples, count: Math.max(1, Math.floor(samples / length)) };
    });
    const stretches = this.groups.reduce((sum, { count }) => sum + count, 0);
    this.perEpoch = Math.floor(stretches / batchSize);
    check(
      this.perEpoch > 0,
      () => `${stretches} stretches of ${length} samples to train on, fewer than a batch of ${batchSize}: lower --length or --batch-size`,
    );
  }

  /**
   * The batches of an epoch. The recordings of the same classes stand in a ring, one after the other in an order of the epoch's own, and are cut
   * into stretches from a place of the epoch's own.
   */
  *of(epoch: number, seed: number): Generator<CodeBatch> {
    const { length, batchSize } = this.sizes;
    const stretches = this.groups.flatMap(({ clips, labels, samples, count }, i) => {
      const ring = new Uint8Array(samples);
      let at = 0;
      for (const place of data.shuffledIndices(clips.length, seed + i, epoch)) {
        const { codes } = clips[place] as Clip;
        ring.set(codes, at);
        at += codes.length;
      }
      const [start = 0] = data.shuffledIndices(length, seed + i, epoch);
      return Array.from({ length: count }, (_, k) => ({ ring, labels, start: start + k * length }));
    });
    const order = data.shuffledIndices(stretches.length, seed, epoch);
    for (let step = 0; step < this.perEpoch; step++) {
      const chosen = order.subarray(step * batchSize, (step + 1) * batchSize);
      yield batchOf(
        Array.from(chosen, (place): Stretch => {
          const { ring, labels, start } = stretches[place] as (typeof stretches)[number];
          const codes = Uint8Array.from({ length: length + 1 }, (_, i) => ring[(start + i) % ring.length] as number);
          return { codes: codes.subarray(0, length), targets: codes.subarray(1), labels };
        }),
      );
    }
  }
}

/** A stretch of a recording in which the predictions from `from` up to `to` are judged. */
interface Window extends Stretch {
  readonly from: number;
  readonly to: number;
}

/** Stretches that are judged together, and how many of each stretch's predictions count. */
export interface JudgedBatch extends CodeBatch {
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
}

/**
 * Recordings in windows of one size, so that each sample counts once and is predicted from all that the network sees of what is before it.
 * @param seen how many codes a prediction depends on
 * @param step samples from one window to the next
 */
export function* judgedBatches(
  clips: readonly Clip[],
  conditions: Conditions,
  { seen, step, batchSize }: { readonly seen: number; readonly step: number; readonly batchSize: number },
): Generator<JudgedBatch> {
  const size = step + seen - 1;
  const windows = clips.flatMap((clip) => {
    const { codes } = clip;
    const labels = labelsOf(clip, conditions);
    return Array.from({ length: Math.ceil(codes.length / step) }, (_, i): Window => {
      const counted = i * step;
      const start = Math.max(0, counted - seen + 1);
      // Past the end nothing is judged.
      const read = Uint8Array.from({ length: size + 1 }, (_, i) => (start + i === 0 ? silence : (codes[start + i - 1] ?? silence)));
      const [from, to] = [counted - start, Math.min(counted + step, codes.length) - start];
      return { codes: read.subarray(0, size), targets: read.subarray(1), labels, from, to };
    });
  });
  for (let i = 0; i < windows.length; i += batchSize) {
    const some = windows.slice(i, i + batchSize);
    // All batches are of one size.
    while (some.length < batchSize) some.push({ ...(some[0] as Window), from: 0, to: 0 });
    yield { ...batchOf(some), ranges: some.map(({ from, to }) => ({ from, to })) };
  }
}
