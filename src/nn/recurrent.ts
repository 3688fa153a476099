import { type ScanOptions, scan } from "../autodiff/scan.js";
import type { DType } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkOptions, type OptionNames, pickOptions } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { flatten, mapTree, unflatten } from "../graph/tree.js";
import { sub, where } from "../ops/arithmetic.js";
import { equal, less } from "../ops/compare.js";
import { absent, arange } from "../ops/create.js";
import { wholeLayerOf } from "../ops/recurrent.js";
import { sum } from "../ops/reduce.js";
import { reverseSequences } from "../ops/sequences.js";
import { reshape, transpose } from "../ops/shapes.js";
import { concat, stack, unstack } from "../ops/slicing.js";
import { Dropout } from "./dropout.js";
import { checkLengths } from "./lengths.js";
import { Module } from "./module.js";
import {
  type CellOptions,
  cellOptions,
  checkState,
  GruCell,
  type HiddenState,
  LstmCell,
  type LstmCellOptions,
  type LstmState,
  lstmCellOptions,
  type RecurrentCell,
  RnnCell,
  type RnnCellOptions,
  rnnCellOptions,
} from "./recurrentCell.js";
import { checkSizes } from "./sizes.js";

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

const networkOptions: OptionNames<RecurrentOptions> = {
  ...cellOptions,
  layers: "optional",
  bidirectional: "optional",
  batchFirst: "optional",
  dropout: "optional",
  unroll: "optional",
};

/** What a recurrent network takes beside its inputs. */
export interface RecurrentInputs<State> {
  /** What the first step starts from, each part `[layers * directions, batch, hiddenSize]`; by default zeros. */
  readonly state?: State;
  /**
   * How many steps of each sequence count, int32 `[batch]`, from 1 to the number of steps; the others' outputs are zeros. By default all.
   * Values at hand are checked at once, others when they are computed: then the run ends with the error of an index out of range.
   */
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
    options: RecurrentOptions,
    names: OptionNames<RecurrentOptions> = networkOptions,
  ) {
    super();
    checkOptions(this.constructor.name, options, names);
    const { layers = 1, bidirectional = false, batchFirst = false, dropout = 0, unroll } = options;
    checkSizes(this.constructor.name, { inputSize, hiddenSize, layers }, 1);
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
  forward(x: Tensor, inputs: RecurrentInputs<State> = {}): { outputs: Tensor; state: State } {
    checkOptions("forward", inputs, { state: "optional", lengths: "optional" });
    const { inputSize, batchFirst } = this;
    check(
      x.rank === 3 && x.shape[2] === inputSize,
      () => `got inputs ${showShape(x.shape)}, expected [${batchFirst ? "batch, time" : "time, batch"}, ${inputSize}]`,
    );
    let values = batchFirst ? transpose(x, [1, 0, 2]) : x;
    const [time, batch] = values.shape as [number, number];
    const lengths = inputs.lengths && checkLengths("lengths", inputs.lengths, batch, [1, time]);
    const initial = inputs.state && this.initialStates(inputs.state, batch, x.dtype);
    const final: State[] = [];
    this.layers.forEach(({ forward, reverse }, i) => {
      const layerInputs = i === 0 ? values : this.dropout.forward(values);
      const runs = (reverse ? [forward, reverse] : [forward]).map((cell, direction) => {
        const start = initial?.[final.length + direction];
        return runOver(cell, layerInputs, start, lengths, { reverse: direction === 1, unroll: this.unroll });
      });
      final.push(...runs.map(({ state }) => state as State));
      values = concat(
        runs.map(({ outputs }) => outputs),
        { axis: 2 },
      );
    });
    const lists = final.map(flatten);
    const stacked = this.parts.map((_, part) => stack(lists.map((list) => list[part] as Tensor)));
    return { outputs: batchFirst ? transpose(values, [1, 0, 2]) : values, state: unflatten(final[0] as State, stacked) as State };
  }

  /** The state that each cell starts from, of parts `[layers * directions, batch, hiddenSize]`. */
  private initialStates(given: State, batch: number, dtype: DType): State[] {
    const shape = [this.states, batch, this.hiddenSize];
    const expected = Object.fromEntries(this.parts.map((part) => [part, absent(shape, dtype)])) as unknown as State;
    const parts = flatten(checkState(expected, given)).map((part) => unstack(part));
    return Array.from(
      { length: this.states },
      (_, i) =>
        unflatten(
          expected,
          parts.map((part) => part[i] as Tensor),
        ) as State,
    );
  }

  /** PyTorch's names: `weight_ih_l0_reverse`. */
  override torchName(path: string): string {
    return path.replace(
      /^layers\.(\d+)\.(\w+)\.(\w+)$/,
      (_, layer, direction, name) => `${name}_l${layer}${direction === "reverse" ? "_reverse" : ""}`,
    );
  }
}

/** The hidden states `[time, batch, hiddenSize]`, and the state at the end, of one cell over `[time, batch, size]`. */
function runOver(
  cell: Omit<RecurrentCell<HiddenState>, "parts">,
  x: Tensor,
  initial: HiddenState | undefined,
  lengths: Tensor | undefined,
  options: ScanOptions & { reverse: boolean },
): { outputs: Tensor; state: HiddenState } {
  const [time, batch, size] = x.shape as [number, number, number];
  // Sequences that end at their own places are reversed each by itself, and read forwards. What the steps past its end make is not used.
  const reversed = lengths !== undefined && options.reverse;
  const inOrder = (value: Tensor) => (reversed ? reverseSequences(value, lengths) : value);
  const rows = reshape(inOrder(x), [time * batch, size]);
  const projected = mapTree(cell.project(rows), (part) => reshape(part, [time, batch, part.shape[1] as number]));
  const { step, form } = cell.recurrence();
  const start = initial ?? cell.zeroState(batch, x.dtype);
  const loop = scan(
    (before, slices: object) => {
      const carry = step(slices, before);
      return { carry, outputs: lengths ? carry : { hidden: carry.hidden } };
    },
    start,
    projected,
    { ...options, reverse: options.reverse && !reversed },
  );
  const { outputs, state } = lengths ? untilEnds(loop.outputs, lengths, inOrder) : { outputs: loop.outputs.hidden, state: loop.carry };
  // One step, as in generating text, is faster by itself.
  if (!form || time <= 1 || x.size === 0) return { outputs, state };
  const { weightInput, weightHidden, biasInput, biasHidden } = cell;
  const operands = {
    x,
    weightInput,
    weightHidden,
    biasInput,
    biasHidden,
    lengths,
    state: initial && flatten(initial),
    reverse: options.reverse,
  };
  const [whole, ...parts] = wholeLayerOf(form, operands, [outputs, ...flatten(state)]);
  return { outputs: whole as Tensor, state: unflatten(state, parts) };
}

/** The hidden states, with zeros past each sequence's end, and the state there, of the states after all steps, each `[time, batch, hiddenSize]`. */
function untilEnds(states: HiddenState, lengths: Tensor, inOrder: (value: Tensor) => Tensor): { outputs: Tensor; state: HiddenState } {
  const { hidden } = states;
  const [time] = hidden.shape as [number];
  const [place, counts] = [reshape(arange(time), [time, 1, 1]), reshape(lengths, [lengths.size, 1])];
  const isLast = equal(place, sub(counts, 1));
  return {
    outputs: inOrder(where(less(place, counts), hidden, 0)),
    state: mapTree(states, (part) => sum(where(isLast, part, 0), { axis: 0 })),
  };
}

/** A simple recurrent network: layers of {@link RnnCell}. */
export class Rnn extends RecurrentNetwork<HiddenState> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions & RnnCellOptions = {}) {
    const names = { ...networkOptions, ...rnnCellOptions };
    super(inputSize, hiddenSize, (size) => new RnnCell(size, hiddenSize, pickOptions(options, rnnCellOptions)), options, names);
  }
}

/** A long short-term memory: layers of {@link LstmCell}. */
export class Lstm extends RecurrentNetwork<LstmState> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions & LstmCellOptions = {}) {
    const names = { ...networkOptions, ...lstmCellOptions };
    super(inputSize, hiddenSize, (size) => new LstmCell(size, hiddenSize, pickOptions(options, lstmCellOptions)), options, names);
  }
}

/** A network of gated recurrent units: layers of {@link GruCell}. */
export class Gru extends RecurrentNetwork<HiddenState> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(inputSize, hiddenSize, (size) => new GruCell(size, hiddenSize, pickOptions(options, cellOptions)), options);
  }
}
