import { data, type models, tensor } from "kasane";
import { type DialogueIds, padding } from "./dialogueTexts.js";

/** Dialogues filled up to so many words and turns. */
export function batchOf(dialogues: readonly DialogueIds[], [words, turns]: data.PaddedLengths): models.Dialogues {
  const matrix = (rows: readonly ArrayLike<number>[], filler: number, width?: number) => {
    const { ids, shape } = data.padSequences(rows, filler, width);
    return tensor(ids, { shape });
  };
  return {
    words: matrix(
      dialogues.map((dialogue) => dialogue.words),
      padding,
      words,
    ),
    ends: matrix(
      dialogues.map((dialogue) => dialogue.ends),
      0,
      turns,
    ),
  };
}

/** How dialogues are put into batches of like lengths. */
export interface BatchOptions {
  readonly batchSize: number;
  /** How many lengths dialogues are padded to at most: for each a graph is compiled. */
  readonly buckets: number;
}

/** Dialogues in batches of few shapes. */
export class DialogueBatches {
  private readonly lengths: readonly data.PaddedLengths[];
  private readonly buckets: readonly data.PaddedLengths[];

  constructor(
    readonly dialogues: readonly DialogueIds[],
    private readonly options: BatchOptions,
  ) {
    this.lengths = dialogues.map(({ words, ends }) => [words.length, ends.length]);
    const widths = data.lengthBuckets(
      this.lengths.map(([words]) => [words as number]),
      options.buckets,
    );
    // As many turns as any dialogue of so many words has.
    this.buckets = widths.map(([width]) => [
      width as number,
      this.lengths.reduce((most, [words, turns]) => ((words as number) <= (width as number) ? Math.max(most, turns as number) : most), 1),
    ]);
  }

  /** The batches of an epoch in random order, all of the same size. */
  *shuffled(seed: number, epoch: number): Generator<models.Dialogues> {
    for (const { batch } of this.made({ seed, epoch, dropLast: true })) yield batch;
  }

  /** How many {@link shuffled} gives. */
  get perEpoch(): number {
    return Math.floor(this.dialogues.length / this.options.batchSize);
  }

  /** All dialogues once, with the indices of those of each batch. */
  once(): Generator<{ readonly places: Int32Array; readonly batch: models.Dialogues }> {
    return this.made({});
  }

  private *made(order: Partial<data.BucketOptions>) {
    const { batchSize } = this.options;
    for (const { places, padded } of data.bucketedBatches(this.lengths, { batchSize, buckets: this.buckets, ...order })) {
      yield { places, batch: batchOf(this.at(places), padded) };
    }
  }

  private at(places: Int32Array): DialogueIds[] {
    return Array.from(places, (place) => this.dialogues[place] as DialogueIds);
  }
}
