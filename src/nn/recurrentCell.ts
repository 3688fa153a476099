import type { DType } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkChoice, checkOptions, type OptionNames } from "../graph/options.js";
import { sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { flatten, flattenLike, pathsOf, showType, type Tree, unflatten } from "../graph/tree.js";
import { Variable } from "../graph/variable.js";
import { relu, sigmoid } from "../ops/activation.js";
import { add, mul, sub } from "../ops/arithmetic.js";
import { absent, full } from "../ops/create.js";
import { tanh } from "../ops/elementary.js";
import { matmul } from "../ops/matmul.js";
import type { RecurrentForm } from "../ops/recurrent.js";
import { transpose } from "../ops/shapes.js";
import { concat, split } from "../ops/slicing.js";
import { type Initialiser, withinRoot } from "./init.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/** What a recurrent network carries from step to step: `hidden`, which is also its output, and an LSTM's `cell`. */
export interface HiddenState {
  readonly hidden: Tensor;
}

/** The state of an LSTM. */
export interface LstmState extends HiddenState {
  readonly cell: Tensor;
}

/** Settings of all recurrent cells. */
export interface CellOptions {
  readonly bias?: boolean;
  /** Of each gate's weights; by default, and for biases, uniform in ±1/√hiddenSize, as PyTorch's. */
  readonly weightInitialiser?: Initialiser;
  /** Of each gate's weights from the hidden state, `[hiddenSize, hiddenSize]`; by default as the other weights. */
  readonly recurrentInitialiser?: Initialiser;
}

/** The names of the options of every cell. */
export const cellOptions: OptionNames<CellOptions> = { bias: "optional", weightInitialiser: "optional", recurrentInitialiser: "optional" };

/** One step of a cell. */
export interface Recurrence<State, Projected = object> {
  /** The state after a step, from the part of the gates that the step's input alone decides, and from the state before. */
  step(projected: Projected, state: State): State;
  /** What ONNX calls a whole layer of such steps, with the cell's own weights; undefined where it has none. */
  readonly form?: RecurrentForm;
}

/**
 * One step of a recurrent network, with the gates of all weights and biases stacked in PyTorch's order.
 * @typeParam Projected what the input contributes to the gates: a tensor, or a tree of them
 */
export abstract class RecurrentCell<State extends HiddenState, Projected extends Tree<Projected> = object> extends Module {
  /** `[gates * hiddenSize, inputSize]` */
  readonly weightInput: Variable;
  /** `[gates * hiddenSize, hiddenSize]` */
  readonly weightHidden: Variable;
  /** `[gates * hiddenSize]` */
  readonly biasInput: Variable | undefined;
  /** `[gates * hiddenSize]` */
  readonly biasHidden: Variable | undefined;
  /** The names of the state's parts. */
  abstract readonly parts: readonly (keyof State & string)[];

  constructor(
    readonly inputSize: number,
    readonly hiddenSize: number,
    /** What the biases of each gate add up to at first; undefined: random. */
    firstBiases: readonly (number | undefined)[],
    options: CellOptions = {},
    names: OptionNames<CellOptions> = cellOptions,
  ) {
    super();
    checkOptions(this.constructor.name, options, names);
    checkSizes(this.constructor.name, { inputSize, hiddenSize }, 1);
    const { bias = true, weightInitialiser, recurrentInitialiser } = options;
    const usual = withinRoot(hiddenSize);
    const weight = (initialiser: Initialiser, size: number) => new Variable(concat(firstBiases.map(() => initialiser([hiddenSize, size]))));
    const biasOf = (share: number) =>
      new Variable(
        concat(firstBiases.map((first) => (first === undefined ? usual([hiddenSize]) : full([hiddenSize], share * first, "float32")))),
      );
    this.weightInput = weight(weightInitialiser ?? usual, inputSize);
    this.weightHidden = weight(recurrentInitialiser ?? weightInitialiser ?? usual, hiddenSize);
    this.biasInput = bias ? biasOf(1) : undefined;
    this.biasHidden = bias ? biasOf(0) : undefined;
  }

  /**
   * @param x `[batch, inputSize]`
   * @param state parts `[batch, hiddenSize]`; by default zeros
   * @returns the state after the step, whose `hidden` is the output
   */
  forward(x: Tensor, state?: State): State {
    const { inputSize } = this;
    check(x.rank === 2 && x.shape[1] === inputSize, () => `got inputs ${showShape(x.shape)}, expected [batch, ${inputSize}]`);
    const zero = this.zeroState(x.shape[0] as number, x.dtype);
    return this.recurrence().step(this.project(x), state === undefined ? zero : checkState(zero, state));
  }

  /** The state of zeros, each part `[...batch, hiddenSize]`. */
  zeroState(batch: number, dtype: DType): State {
    return Object.fromEntries(this.parts.map((part) => [part, absent([batch, this.hiddenSize], dtype)])) as unknown as State;
  }

  /** What the inputs and the biases contribute to the gates: `[rows, inputSize]` to one or more `[rows, gates * hiddenSize]`. */
  abstract project(x: Tensor): Projected;

  /** The products of the inputs with all gates' weights: `[rows, inputSize]` to `[rows, gates * hiddenSize]`. */
  protected projectRows(x: Tensor): Tensor {
    return matmul(x, transpose(this.weightInput));
  }

  /** {@link projectRows} plus both biases. */
  protected projectWithBiases(x: Tensor): Tensor {
    const rows = this.projectRows(x);
    return this.biasInput && this.biasHidden ? add(rows, add(this.biasInput, this.biasHidden)) : rows;
  }

  /** PyTorch's names: `weight_ih`. */
  override torchName(path: string): string {
    return super.torchName(path).replace("_input", "_ih").replace("_hidden", "_hh");
  }

  /** The step; what is the same at all steps is computed by this call, once. One of other steps than the cell's own has no `form`. */
  abstract recurrence(): Recurrence<State, Projected>;
}

/**
 * `given` with its parts in the order of `expected`.
 * @throws KasaneError where a part is missing, unknown, or of another shape or type
 */
export function checkState<State extends HiddenState>(expected: State, given: State): State {
  const parts = flattenLike("state", expected, given);
  flatten(expected).forEach((part, i) => {
    const [name, got] = [pathsOf(expected)[i], parts[i] as Tensor];
    const fits = sameShape(got.shape, part.shape) && got.dtype === part.dtype;
    check(fits, () => `got ${name} ${showType(got)}, expected ${showType(part)}`);
  });
  return unflatten(expected, parts) as State;
}

const activations = { tanh, relu, sigmoid };
const onnxNames = { tanh: "Tanh", relu: "Relu", sigmoid: "Sigmoid" };

/** Settings of {@link RnnCell}. */
export interface RnnCellOptions extends CellOptions {
  /** By default `tanh`. */
  readonly activation?: keyof typeof activations;
}

/** The names of the options of an {@link RnnCell}. */
export const rnnCellOptions: OptionNames<RnnCellOptions> = { ...cellOptions, activation: "optional" };

/** `h' = f(W_i x + b_i + W_h h + b_h)` (Elman 1990). */
export class RnnCell extends RecurrentCell<HiddenState, Tensor> {
  readonly parts = ["hidden"] as const;
  readonly activation: keyof typeof activations;

  constructor(inputSize: number, hiddenSize: number, options: RnnCellOptions = {}) {
    super(inputSize, hiddenSize, [undefined], options, rnnCellOptions);
    this.activation = options.activation ?? "tanh";
    checkChoice("RnnCell", "activation", this.activation, Object.keys(activations));
  }

  project(x: Tensor): Tensor {
    return this.projectWithBiases(x);
  }

  recurrence(): Recurrence<HiddenState, Tensor> {
    const weight = transpose(this.weightHidden);
    const activate = activations[this.activation];
    return {
      step: (projected, { hidden }) => ({ hidden: activate(add(projected, matmul(hidden, weight))) }),
      form: { type: "RNN", gates: [0], attributes: { activations: [onnxNames[this.activation]] } },
    };
  }
}

/** Settings of {@link LstmCell}. */
export interface LstmCellOptions extends CellOptions {
  /** What the forget gate's biases add up to at first, such as 1 (Gers et al. 2000; Jozefowicz et al. 2015); by default random as the others. */
  readonly forgetBias?: number;
}

/** The names of the options of an {@link LstmCell}. */
export const lstmCellOptions: OptionNames<LstmCellOptions> = { ...cellOptions, forgetBias: "optional" };

/**
 * `c' = σ(f) c + σ(i) tanh(g)`, `h' = σ(o) tanh(c')`, where `[i, f, g, o] = W_i x + b_i + W_h h + b_h`
 * (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).
 */
export class LstmCell extends RecurrentCell<LstmState, Tensor> {
  readonly parts = ["hidden", "cell"] as const;

  constructor(inputSize: number, hiddenSize: number, options: LstmCellOptions = {}) {
    super(inputSize, hiddenSize, [undefined, options.forgetBias, undefined, undefined], options, lstmCellOptions);
    check(options.bias !== false || options.forgetBias === undefined, () => "LstmCell: forgetBias is a bias: leave out bias: false");
  }

  project(x: Tensor): Tensor {
    return this.projectWithBiases(x);
  }

  recurrence(): Recurrence<LstmState, Tensor> {
    const weight = transpose(this.weightHidden);
    const step = (projected: Tensor, { hidden, cell }: LstmState): LstmState => {
      const gates = add(projected, matmul(hidden, weight));
      const [i, f, g, o] = split(gates, 4, { axis: 1 }) as unknown as [Tensor, Tensor, Tensor, Tensor];
      const next = add(mul(sigmoid(f), cell), mul(sigmoid(i), tanh(g)));
      return { hidden: mul(sigmoid(o), tanh(next)), cell: next };
    };
    // ONNX's order is i, o, f, g.
    return { step, form: { type: "LSTM", gates: [0, 3, 1, 2] } };
  }
}

/** What contributes to the gates r and z of a GRU, and to its candidate n. */
export interface GruGates {
  readonly gates: Tensor;
  readonly candidate: Tensor;
}

/**
 * `h' = (1 - z) n + z h` with `r = σ(r_i + r_h)`, `z = σ(z_i + z_h)`, `n = tanh(n_i + r n_h)`, where `[r_i, z_i, n_i] = W_i x + b_i`
 * and `[r_h, z_h, n_h] = W_h h + b_h` (Cho et al. 2014, with the reset gate after the product, as PyTorch and cuDNN have it).
 */
export class GruCell extends RecurrentCell<HiddenState, GruGates> {
  readonly parts = ["hidden"] as const;

  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(inputSize, hiddenSize, [undefined, undefined, undefined], options);
  }

  /** The bias of `n_h` is the one that has to wait for the state. */
  project(x: Tensor): GruGates {
    const { gates, candidate } = this.gatesOf(this.projectRows(x), 1);
    if (!this.biasInput || !this.biasHidden) return { gates, candidate };
    const [input, hidden] = [this.gatesOf(this.biasInput, 0), this.gatesOf(this.biasHidden, 0)];
    return { gates: add(gates, add(input.gates, hidden.gates)), candidate: add(candidate, input.candidate) };
  }

  recurrence(): Recurrence<HiddenState, GruGates> {
    const weight = transpose(this.weightHidden);
    const bias = this.biasHidden && this.gatesOf(this.biasHidden, 0).candidate;
    const step = (input: GruGates, { hidden: h }: HiddenState): HiddenState => {
      const { gates, candidate } = this.gatesOf(matmul(h, weight), 1);
      const [r, z] = split(sigmoid(add(input.gates, gates)), 2, { axis: 1 }) as unknown as [Tensor, Tensor];
      const n = tanh(add(input.candidate, mul(r, bias ? add(candidate, bias) : candidate)));
      // (1 - z) n + z h = n + z (h - n)
      return { hidden: add(n, mul(z, sub(h, n))) };
    };
    // ONNX's order is z, r, n.
    return { step, form: { type: "GRU", gates: [1, 0, 2], attributes: { linear_before_reset: 1 } } };
  }

  private gatesOf(stacked: Tensor, axis: number): GruGates {
    const [gates, candidate] = split(stacked, [2 * this.hiddenSize, this.hiddenSize], { axis }) as unknown as [Tensor, Tensor];
    return { gates, candidate };
  }
}
