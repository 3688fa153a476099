import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import { fromData, type Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import type { Conv1d } from "../nn/conv.js";
import { Module } from "../nn/module.js";
import { relu, sigmoid } from "../ops/activation.js";
import { add, mul } from "../ops/arithmetic.js";
import { tanh } from "../ops/elementary.js";
import { gather } from "../ops/indexing.js";
import { matmul } from "../ops/matmul.js";
import { reshape, transpose } from "../ops/shapes.js";
import { concat, slice, split, stack } from "../ops/slicing.js";
import type { WaveNet } from "./waveNet.js";

/** `x weight + bias`. */
class Affine extends Module {
  readonly weight: Variable;
  readonly bias: Variable;

  /** @param weight `[inputs, outputs]` */
  constructor(weight: Tensor, bias: Tensor) {
    super();
    this.weight = new Variable(weight, { trainable: false });
    this.bias = new Variable(bias, { trainable: false });
  }

  forward(x: Tensor): Tensor {
    return add(matmul(x, this.weight), this.bias);
  }
}

/** The matrix `[inputs, outputs]` of one element of a convolution's kernel. */
const matrixOf = ({ weight }: Conv1d, element: number): Tensor => {
  const [outputs, inputs] = weight.shape as [number, number];
  return transpose(reshape(slice(weight, [[], [], [element, element + 1]]), [outputs, inputs]));
};

const biasOf = ({ bias }: Conv1d): Tensor => bias as Variable;

/**
 * A trained {@link WaveNet} as generation needs it, one sample at a time: what each layer was given some samples ago is handed in, so that a sample
 * costs a few products, however far the network looks back (Le Paine et al. 2016, Fast WaveNet generation algorithm). The weights are copies of the
 * model's as they are when this is made, laid out as factors of those products.
 */
export class WaveNetStep extends Module {
  /** How many samples ago each layer was given what it needs now: its dilation. */
  readonly delays: readonly number[];
  readonly channels: number;
  /** `[values, channels]` */
  private readonly embedding: Variable;
  /** `[layers, channels, 2 channels]`: what a layer was given before, to filter and gate. */
  private readonly before: Variable;
  /** What a layer is given now, to filter and gate. The biases are those of the conditions too. */
  private readonly now: readonly Affine[];
  private readonly residuals: readonly Affine[];
  /** The gated units of all layers `[layers * channels]` to the end. */
  private readonly skip: Affine;
  private readonly hidden: Affine;
  private readonly output: Affine;

  /** @param labels the class of each condition, where the model has conditions */
  constructor(model: WaveNet, labels: readonly number[] = []) {
    super();
    const { layers, sizes } = model;
    this.delays = sizes.dilations;
    this.channels = sizes.channels;
    check(labels.every(Number.isInteger), () => `WaveNetStep: got labels ${JSON.stringify(labels)}, expected indices of classes`);
    const classes = labels.length > 0 ? fromData(Int32Array.from(labels), [1, labels.length], "int32") : undefined;
    const conditioned = model.biases(classes);
    const kernels = (element: number) =>
      layers.map(({ filter, gate }) => concat([matrixOf(filter, element), matrixOf(gate, element)], { axis: 1 }));
    const [before, now] = [kernels(0), kernels(1)];
    this.embedding = new Variable(model.embedding.weight, { trainable: false });
    this.before = new Variable(stack(before), { trainable: false });
    this.now = layers.map(({ filter, gate }, i) => {
      const bias = concat([biasOf(filter), biasOf(gate)]);
      const [from, to] = [2 * sizes.channels * i, 2 * sizes.channels * (i + 1)];
      return new Affine(now[i] as Tensor, conditioned ? add(bias, reshape(slice(conditioned, [[], [from, to]]), [-1])) : bias);
    });
    this.residuals = layers.flatMap(({ residual }) => (residual ? [new Affine(matrixOf(residual, 0), biasOf(residual))] : []));
    this.skip = new Affine(concat(layers.map(({ skip }) => matrixOf(skip, 0))), layers.map(({ skip }) => biasOf(skip)).reduce(add));
    this.hidden = new Affine(matrixOf(model.hidden, 0), biasOf(model.hidden));
    this.output = new Affine(transpose(model.output.weight), model.output.bias as Variable);
  }

  /**
   * The next sample of several sounds side by side.
   * @param codes the sample before it, integers `[sounds]`
   * @param past `[layers, sounds, channels]`: of each layer, the row of `present` that was given `delays` samples ago; zeros before the beginning
   * @returns logits `[sounds, values]`, and what the layers were given `[layers, sounds, channels]`
   */
  forward(codes: Tensor, past: Tensor): { readonly logits: Tensor; readonly present: Tensor } {
    const [layers, sounds] = [this.now.length, codes.size];
    check(
      past.rank === 3 && past.shape[0] === layers && past.shape[1] === sounds && past.shape[2] === this.channels,
      () => `WaveNetStep: got past ${showShape(past.shape)}, expected [${layers}, ${sounds}, ${this.channels}]`,
    );
    const earlier = split(matmul(past, this.before), layers);
    const [given, gated]: [Tensor[], Tensor[]] = [[], []];
    let x = gather(this.embedding, codes);
    this.now.forEach((now, i) => {
      given.push(x);
      const sum = add(now.forward(x), reshape(earlier[i] as Tensor, [sounds, -1]));
      const [filter, gate] = split(sum, 2, { axis: 1 }) as [Tensor, Tensor];
      const unit = mul(tanh(filter), sigmoid(gate));
      gated.push(unit);
      const residual = this.residuals[i];
      if (residual) x = add(x, residual.forward(unit));
    });
    const total = this.skip.forward(concat(gated, { axis: 1 }));
    return { logits: this.output.forward(relu(this.hidden.forward(relu(total)))), present: stack(given) };
  }
}
