import { check } from "../graph/error.js";
import { sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { relu, sigmoid } from "../ops/activation.js";
import { add, mul, sub } from "../ops/arithmetic.js";
import { absent, full } from "../ops/create.js";
import { tanh } from "../ops/elementary.js";
import { matmul } from "../ops/matmul.js";
import type { RecurrentForm } from "../ops/recurrent.js";
import { reshape, transpose } from "../ops/shapes.js";
import { concat, split } from "../ops/slicing.js";
import { type Initialiser, uniform } from "./init.js";
import { Module } from "./module.js";

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

/** The state after a step, from the part of the gates that the step's input alone decides and from the state before, in the order of its parts. */
export interface Recurrence {
  (projected: readonly Tensor[], state: readonly Tensor[]): readonly Tensor[];
  /** What ONNX calls a whole layer of such steps, with the cell's own weights; undefined where it has none. */
  readonly form?: RecurrentForm;
}

/** One step of a recurrent network, with the gates of all weights and biases stacked in PyTorch's order. */
export abstract class RecurrentCell<State extends HiddenState> extends Module {
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
    { bias = true, weightInitialiser, recurrentInitialiser }: CellOptions = {},
  ) {
    super();
    const usual = uniform(-1 / Math.sqrt(hiddenSize), 1 / Math.sqrt(hiddenSize));
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
    const { inputSize, hiddenSize, parts } = this;
    check(x.rank === 2 && x.shape[1] === inputSize, () => `got inputs ${showShape(x.shape)}, expected [batch, ${inputSize}]`);
    const shape = [x.shape[0] as number, hiddenSize];
    const before = parts.map((part) => {
      const value = (state?.[part] as Tensor | undefined) ?? absent(shape, x.dtype);
      check(sameShape(value.shape, shape), () => `got ${part} ${showShape(value.shape)}, expected ${showShape(shape)}`);
      return value;
    });
    const after = this.recurrence()(this.project(x), before);
    return Object.fromEntries(parts.map((part, i) => [part, after[i]])) as unknown as State;
  }

  /** What the inputs and the biases contribute to the gates: `[..., inputSize]` to `[rows, gates * hiddenSize]`, in parts. */
  project(x: Tensor): readonly Tensor[] {
    const rows = matmul(reshape(x, [-1, this.inputSize]), transpose(this.weightInput));
    return [this.biasInput && this.biasHidden ? add(rows, add(this.biasInput, this.biasHidden)) : rows];
  }

  /** PyTorch's names: `weight_ih`. */
  override torchName(path: string): string {
    return super.torchName(path).replace("_input", "_ih").replace("_hidden", "_hh");
  }

  /** The step; what is the same at all steps is computed by this call, once. One of other steps than the cell's own has no `form`. */
  abstract recurrence(): Recurrence;
}

const activations = { tanh, relu, sigmoid };
const onnxNames = { tanh: "Tanh", relu: "Relu", sigmoid: "Sigmoid" };

/** Settings of {@link RnnCell}. */
export interface RnnCellOptions extends CellOptions {
  /** By default `tanh`. */
  readonly activation?: keyof typeof activations;
}

/** `h' = f(W_i x + b_i + W_h h + b_h)` (Elman 1990). */
export class RnnCell extends RecurrentCell<HiddenState> {
  readonly parts = ["hidden"] as const;
  readonly activation: keyof typeof activations;

  constructor(inputSize: number, hiddenSize: number, { activation = "tanh", ...options }: RnnCellOptions = {}) {
    super(inputSize, hiddenSize, [undefined], options);
    this.activation = activation;
  }

  recurrence(): Recurrence {
    const weight = transpose(this.weightHidden);
    const activate = activations[this.activation];
    const step: Recurrence = ([projected], [hidden]) => [activate(add(projected as Tensor, matmul(hidden as Tensor, weight)))];
    return Object.assign(step, { form: { type: "RNN", gates: [0], attributes: { activations: [onnxNames[this.activation]] } } } as const);
  }
}

/** Settings of {@link LstmCell}. */
export interface LstmCellOptions extends CellOptions {
  /** What the forget gate's biases add up to at first, such as 1 (Gers et al. 2000; Jozefowicz et al. 2015); by default random as the others. */
  readonly forgetBias?: number;
}

/**
 * `c' = σ(f) c + σ(i) tanh(g)`, `h' = σ(o) tanh(c')`, where `[i, f, g, o] = W_i x + b_i + W_h h + b_h`
 * (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).
 */
export class LstmCell extends RecurrentCell<LstmState> {
  readonly parts = ["hidden", "cell"] as const;

  constructor(inputSize: number, hiddenSize: number, { forgetBias, ...options }: LstmCellOptions = {}) {
    super(inputSize, hiddenSize, [undefined, forgetBias, undefined, undefined], options);
  }

  recurrence(): Recurrence {
    const weight = transpose(this.weightHidden);
    const step: Recurrence = ([projected], [hidden, cell]) => {
      const gates = add(projected as Tensor, matmul(hidden as Tensor, weight));
      const [i, f, g, o] = split(gates, 4, { axis: 1 }) as unknown as [Tensor, Tensor, Tensor, Tensor];
      const next = add(mul(sigmoid(f), cell as Tensor), mul(sigmoid(i), tanh(g)));
      return [mul(sigmoid(o), tanh(next)), next];
    };
    // ONNX's order is i, o, f, g.
    return Object.assign(step, { form: { type: "LSTM", gates: [0, 3, 1, 2] } } as const);
  }
}

/**
 * `h' = (1 - z) n + z h` with `r = σ(r_i + r_h)`, `z = σ(z_i + z_h)`, `n = tanh(n_i + r n_h)`, where `[r_i, z_i, n_i] = W_i x + b_i`
 * and `[r_h, z_h, n_h] = W_h h + b_h` (Cho et al. 2014, with the reset gate after the product, as PyTorch and cuDNN have it).
 */
export class GruCell extends RecurrentCell<HiddenState> {
  readonly parts = ["hidden"] as const;

  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(inputSize, hiddenSize, [undefined, undefined, undefined], options);
  }

  /** The bias of `n_h` is the one that has to wait for the state. */
  override project(x: Tensor): readonly Tensor[] {
    const rows = matmul(reshape(x, [-1, this.inputSize]), transpose(this.weightInput));
    const [gates, candidate] = this.parted(rows, 1);
    if (!this.biasInput || !this.biasHidden) return [gates, candidate];
    const [ofGates, ofCandidate] = this.parted(this.biasInput, 0);
    return [add(gates, add(ofGates, this.parted(this.biasHidden, 0)[0])), add(candidate, ofCandidate)];
  }

  recurrence(): Recurrence {
    const weight = transpose(this.weightHidden);
    const bias = this.biasHidden && this.parted(this.biasHidden, 0)[1];
    const step: Recurrence = ([gatesInput, candidateInput], [hidden]) => {
      const h = hidden as Tensor;
      const [gates, candidate] = this.parted(matmul(h, weight), 1);
      const [r, z] = split(sigmoid(add(gatesInput as Tensor, gates)), 2, { axis: 1 }) as unknown as [Tensor, Tensor];
      const n = tanh(add(candidateInput as Tensor, mul(r, bias ? add(candidate, bias) : candidate)));
      // (1 - z) n + z h = n + z (h - n)
      return [add(n, mul(z, sub(h, n)))];
    };
    // ONNX's order is z, r, n.
    return Object.assign(step, { form: { type: "GRU", gates: [1, 0, 2], attributes: { linear_before_reset: 1 } } } as const);
  }

  /** The gates r and z, and the candidate n. */
  private parted(stacked: Tensor, axis: number): readonly [Tensor, Tensor] {
    return split(stacked, [2 * this.hiddenSize, this.hiddenSize], { axis }) as unknown as [Tensor, Tensor];
  }
}
