import { type ScanOptions, scan } from "../autodiff/scan.js";
import { check } from "../graph/error.js";
import { type Shape, sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { sub, where } from "../ops/arithmetic.js";
import { equal, less } from "../ops/compare.js";
import { absent, arange } from "../ops/create.js";
import { wholeLayerOf } from "../ops/recurrent.js";
import { sum } from "../ops/reduce.js";
import { reverseSequences } from "../ops/sequences.js";
import { reshape, transpose } from "../ops/shapes.js";
import { concat, stack, unstack } from "../ops/slicing.js";
import { Dropout } from "./dropout.js";
import { Module } from "./module.js";
import {
  type CellOptions,
  GruCell,
  type HiddenState,
  LstmCell,
  type LstmCellOptions,
  type LstmState,
  type RecurrentCell,
  RnnCell,
  type RnnCellOptions,
} from "./recurrentCell.js";

/** Settings of all recurrent networks, beside those of their cells. */
export interface RecurrentOptions extends CellOptions {
  readonly layers?: number;
  /** Whether a second cell a layer reads from the end to the beginning; the outputs of both are joined. */
  readonly bidirectional?: boolean;
  /** Whether inputs and outputs are `[batch, time, size]`, not `[time, batch, size]`. */
  readonly batchFirst?: boolean;
  /** The probability of dropout between layers. */
  readonly dropout?: number;
  /** Up to how many steps the loop over time is written out; see {@link ScanOptions}. */
  readonly unroll?: number;
}

/** What a recurrent network takes beside its inputs. */
export interface RecurrentInputs<State> {
  /** What the first step starts from, each part `[layers * directions, batch, hiddenSize]`; by default zeros. */
  readonly state?: State;
  /** How many steps of each sequence count (int32 `[batch]`, from 1); the others' outputs are zeros. By default all. */
  readonly lengths?: Tensor;
}

/** The cells of one layer, by direction. */
interface Layer<Cell> {
  readonly forward: Cell;
  readonly reverse?: Cell;
}

/** Layers of recurrent cells, each run over all steps of the sequences that the layer before gives out. */
export abstract class RecurrentNetwork<State extends HiddenState> extends Module {
  readonly layers: readonly Layer<RecurrentCell<State>>[];
  readonly dropout: Dropout;
  readonly batchFirst: boolean;
  private readonly unroll: number | undefined;

  constructor(
    readonly inputSize: number,
    readonly hiddenSize: number,
    cell: (inputSize: number) => RecurrentCell<State>,
    { layers = 1, bidirectional = false, batchFirst = false, dropout = 0, unroll }: RecurrentOptions,
  ) {
    super();
    this.layers = Array.from({ length: layers }, (_, i) => {
      const size = i === 0 ? inputSize : hiddenSize * (bidirectional ? 2 : 1);
      return { forward: cell(size), ...(bidirectional && { reverse: cell(size) }) };
    });
    this.dropout = new Dropout(dropout);
    this.batchFirst = batchFirst;
    this.unroll = unroll;
  }

  /** The names of the state's parts. */
  get parts(): RecurrentCell<State>["parts"] {
    return (this.layers[0] as Layer<RecurrentCell<State>>).forward.parts;
  }

  /** How many cells keep a state: `layers * directions`. */
  get states(): number {
    return this.layers.reduce((count, { reverse }) => count + (reverse ? 2 : 1), 0);
  }

  /**
   * @param x `[time, batch, inputSize]`, or `[batch, time, inputSize]` with `batchFirst`
   * @returns the last layer's `hidden` of all steps, laid out as `x`, `directions * hiddenSize` wide, and the state after each sequence's
   * last step (in the reverse direction its first), laid out as the initial one
   */
  forward(x: Tensor, { state, lengths }: RecurrentInputs<State> = {}): { outputs: Tensor; state: State } {
    const { inputSize, hiddenSize, batchFirst } = this;
    check(
      x.rank === 3 && x.shape[2] === inputSize,
      () => `got inputs ${showShape(x.shape)}, expected [${batchFirst ? "batch, time" : "time, batch"}, ${inputSize}]`,
    );
    let values = batchFirst ? transpose(x, [1, 0, 2]) : x;
    const [, batch] = values.shape as [number, number];
    const cells = this.layers.map(({ forward, reverse }) => (reverse ? [forward, reverse] : [forward]));
    const { parts } = this;
    const expectShape = (name: string, given: Tensor, shape: Shape) =>
      check(sameShape(given.shape, shape), () => `got ${name} ${showShape(given.shape)}, expected ${showShape(shape)}`);
    const initial =
      state &&
      parts.map((part) => {
        const given = state[part] as Tensor;
        expectShape(part, given, [this.states, batch, hiddenSize]);
        return unstack(given);
      });
    if (lengths) expectShape("lengths", lengths, [batch]);

    const final: (readonly Tensor[])[] = [];
    cells.forEach((directions, i) => {
      const inputs = i === 0 ? values : this.dropout.forward(values);
      const runs = directions.map((cell, direction) => {
        const start = initial?.map((each) => each[final.length + direction] as Tensor);
        return runOver(cell, inputs, start, lengths, { reverse: direction === 1, unroll: this.unroll });
      });
      final.push(...runs.map(([, ...last]) => last));
      values = concat(
        runs.map(([outputs]) => outputs as Tensor),
        { axis: 2 },
      );
    });
    const last = parts.map((part, i) => [part, stack(final.map((each) => each[i] as Tensor))]);
    return { outputs: batchFirst ? transpose(values, [1, 0, 2]) : values, state: Object.fromEntries(last) as State };
  }

  /** PyTorch's names: `weight_ih_l0_reverse`. */
  override torchName(path: string): string {
    return path.replace(
      /^layers\.(\d+)\.(\w+)\.(\w+)$/,
      (_, layer, direction, name) => `${name}_l${layer}${direction === "reverse" ? "_reverse" : ""}`,
    );
  }
}

/** Runs one cell over `[time, batch, size]`: the hidden states `[time, batch, hiddenSize]`, then the parts of the state at the end. */
function runOver<State extends HiddenState>(
  cell: RecurrentCell<State>,
  x: Tensor,
  initial: readonly Tensor[] | undefined,
  lengths: Tensor | undefined,
  options: ScanOptions & { reverse: boolean },
): readonly Tensor[] {
  const [time, batch] = x.shape as [number, number];
  // Of sequences that end, each is read in its own order; what the steps past its end make, nothing asks for.
  const isTurned = lengths !== undefined && options.reverse;
  const turned = (value: Tensor) => (isTurned ? reverseSequences(value, lengths) : value);
  const projected = cell.project(turned(x)).map((part) => reshape(part, [time, batch, -1]));
  const next = cell.recurrence();
  const step = (before: readonly Tensor[], slices: readonly Tensor[]) => {
    const carry = next(slices, before);
    return { carry, outputs: lengths ? carry : carry.slice(0, 1) };
  };
  const start = initial ?? cell.parts.map(() => absent([batch, cell.hiddenSize], x.dtype));
  const { carry, outputs } = scan(step, start, projected, { ...options, reverse: options.reverse && !isTurned });
  const steps = lengths ? untilEnds(outputs, lengths, turned) : [outputs[0] as Tensor, ...carry];
  const { weightInput, weightHidden, biasInput, biasHidden } = cell;
  const operands = { x, weightInput, weightHidden, biasInput, biasHidden, lengths, state: initial, reverse: options.reverse };
  // One step, as in generating text, is faster by itself.
  return next.form && time > 1 ? wholeLayerOf(next.form, operands, steps) : steps;
}

/** Of the states after all steps, `[time, batch, hiddenSize]`: the hidden ones with zeros past each sequence's end, and each part at the end. */
function untilEnds(parts: readonly Tensor[], lengths: Tensor, turned: (value: Tensor) => Tensor): readonly Tensor[] {
  const [hidden] = parts as [Tensor];
  const [time] = hidden.shape as [number];
  const [place, counts] = [reshape(arange(time), [time, 1, 1]), reshape(lengths, [lengths.size, 1])];
  const isLast = equal(place, sub(counts, 1));
  return [turned(where(less(place, counts), hidden, 0)), ...parts.map((part) => sum(where(isLast, part, 0), { axis: 0 }))];
}

/** A simple recurrent network: layers of {@link RnnCell}. */
export class Rnn extends RecurrentNetwork<HiddenState> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions & RnnCellOptions = {}) {
    super(inputSize, hiddenSize, (size) => new RnnCell(size, hiddenSize, options), options);
  }
}

/** A long short-term memory: layers of {@link LstmCell}. */
export class Lstm extends RecurrentNetwork<LstmState> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions & LstmCellOptions = {}) {
    super(inputSize, hiddenSize, (size) => new LstmCell(size, hiddenSize, options), options);
  }
}

/** A network of gated recurrent units: layers of {@link GruCell}. */
export class Gru extends RecurrentNetwork<HiddenState> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(inputSize, hiddenSize, (size) => new GruCell(size, hiddenSize, options), options);
  }
}
