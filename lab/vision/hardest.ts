import { data } from "kasane";
import type { train } from "kasane/node";

/** Settings of {@link Hardest}. */
export interface HardestOptions {
  readonly epochs: number;
  readonly batchSize: number;
  /** The share of the examples that an epoch in the middle learns from. */
  readonly share: number;
  readonly seed: number;
}

/** The part of the epochs at the beginning, and of those at the end, that learn from all examples. */
const [first, last] = [0.1, 0.2];

/** The share of all examples, taken at random, that an epoch learns from whatever their losses were. */
const anyway = 0.1;

/**
 * Which examples an epoch learns from: in the first and the last epochs all, in those between the ones that had the greatest losses when they were last
 * seen, and some others, so that each is seen now and then (after Jiang et al. 2019, Accelerating deep learning by focusing on the biggest losers). The
 * last epochs bring back the shares of the classes.
 */
export class Hardest implements train.Stateful {
  /** The loss of each example when it was last seen. */
  private readonly losses: Float32Array<ArrayBuffer>;
  /** The examples of an epoch, the first so many, and which epoch that is. */
  private readonly chosen: Int32Array<ArrayBuffer>;
  private readonly chosenIn = Int32Array.of(-1);

  constructor(
    private readonly count: number,
    private readonly options: HardestOptions,
  ) {
    this.losses = new Float32Array(count);
    this.chosen = new Int32Array(count);
  }

  /** How many batches an epoch has. */
  batchesIn(epoch: number): number {
    const { epochs, share, batchSize } = this.options;
    const isWhole = epoch < Math.ceil(first * epochs) || epoch >= epochs - Math.ceil(last * epochs);
    return Math.floor(((isWhole ? 1 : share) * this.count) / batchSize);
  }

  /** How many batches there are in all. */
  get batches(): number {
    return Array.from({ length: this.options.epochs }, (_, epoch) => this.batchesIn(epoch)).reduce((a, b) => a + b, 0);
  }

  /** The indices of the examples of each batch of an epoch. */
  *batchesOf(epoch: number): Generator<Int32Array> {
    const { seed, batchSize } = this.options;
    const count = this.batchesIn(epoch) * batchSize;
    // A resumed epoch goes on with what was chosen when it began.
    if (this.chosenIn[0] !== epoch) this.choose(epoch);
    const places = this.chosen.slice(0, count);
    for (const batch of data.batches(count, { batchSize, seed, epoch })) yield batch.map((i) => places[i] as number);
  }

  private choose(epoch: number): void {
    const order = data.shuffledIndices(this.count, this.options.seed, epoch);
    // The first of a shuffled order are a random part of all.
    const free = Math.round(anyway * this.count);
    const rank = new Float64Array(this.count);
    order.forEach((index, i) => {
      rank[index] = i < free ? Number.POSITIVE_INFINITY : (this.losses[index] as number);
    });
    this.chosen.set(order.sort((a, b) => (rank[b] as number) - (rank[a] as number) || 0));
    this.chosenIn[0] = epoch;
  }

  /** Notes the losses of examples. */
  see(places: Int32Array, losses: ArrayLike<number>): void {
    places.forEach((place, i) => {
      this.losses[place] = losses[i] as number;
    });
  }

  /** What a checkpoint keeps. */
  namedArrays(): Map<string, Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>> {
    return new Map<string, Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>([
      ["losses", this.losses],
      ["chosen", this.chosen],
      ["chosenIn", this.chosenIn],
    ]);
  }
}
