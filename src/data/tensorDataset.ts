import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { checkTensors } from "../ops/constants.js";
import { batches } from "./batches.js";
import { hostElements, rowsAt } from "./hostElements.js";

/** How {@link TensorDataset.batches} divides the examples. */
export interface TensorBatchOptions {
  /** Examples in a batch. */
  readonly size: number;
  /** Whether the examples come in random order, each epoch in another one. */
  readonly shuffle?: boolean;
  readonly seed?: number;
  /** The index of the epoch, from 0. The order follows from it and the seed. */
  readonly epoch?: number;
  /** Whether a last batch of fewer examples is left out. */
  readonly dropLast?: boolean;
}

/** Examples side by side: the first axis of all tensors counts them. */
export class TensorDataset<Tensors extends readonly Tensor[] = readonly Tensor[]> {
  readonly tensors: Tensors;
  /** The number of examples. */
  readonly size: number;

  /**
   * @param tensors inputs, labels and whatever else belongs to an example, each `[examples, ...]` and computed
   * @throws KasaneError where their first sizes differ, or one has yet to be computed
   */
  constructor(...tensors: Tensors) {
    checkTensors("TensorDataset", ...tensors);
    const [size] = tensors[0]?.shape ?? [];
    check(
      size !== undefined && tensors.every(({ shape }) => shape[0] === size),
      () => `TensorDataset: got ${tensors.map(({ shape }) => showShape(shape)).join(", ") || "no tensors"}: expected the same first size`,
    );
    for (const each of tensors) hostElements("TensorDataset", each);
    this.tensors = tensors;
    this.size = size;
  }

  /**
   * The examples at the given indices, in that order.
   * @throws KasaneError where an index is none of an example
   */
  at(places: ArrayLike<number>): TensorDataset<Tensors> {
    return new TensorDataset(...this.rows(places));
  }

  /**
   * The batches of one epoch, each a tensor for each of {@link tensors}. They follow from the options alone, so a resumed run sees what an
   * unbroken one would.
   * @throws KasaneError where `shuffle` is asked for without `epoch`: every epoch would have the same order
   */
  *batches(options: TensorBatchOptions): Generator<Tensors> {
    const names = { size: "required", shuffle: "optional", seed: "optional", epoch: "optional", dropLast: "optional" } as const;
    checkOptions<TensorBatchOptions>("TensorDataset.batches", options, names);
    const { size, shuffle = false, seed = 0, epoch, dropLast } = options;
    check(
      !shuffle || epoch !== undefined,
      () => "TensorDataset: shuffle needs the epoch: batches({ size, shuffle: true, epoch }), so that each epoch has an order of its own",
    );
    check(
      shuffle || options.seed === undefined,
      () => "TensorDataset: a seed is for shuffling: batches({ size, shuffle: true, seed, epoch }), or leave it out",
    );
    for (const places of batches(this.size, { batchSize: size, seed: shuffle ? seed : undefined, epoch, dropLast }))
      yield this.rows(places);
  }

  private rows(places: ArrayLike<number>): Tensors {
    return this.tensors.map((each) => rowsAt(each, places)) as unknown as Tensors;
  }
}
