import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Conv1d } from "../nn/conv.js";
import { Embedding } from "../nn/embedding.js";
import { zeros } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { checkSizes } from "../nn/sizes.js";
import { relu, sigmoid } from "../ops/activation.js";
import { add, mul } from "../ops/arithmetic.js";
import { tanh } from "../ops/elementary.js";
import { permute, reshape } from "../ops/shapes.js";
import { slice } from "../ops/slicing.js";

/** Settings of a {@link WaveNet}. */
export interface WaveNetOptions {
  /** How many samples lie between the two that each layer's convolution sees; the paper's are 1, 2, 4, ..., 512, several times over. */
  readonly dilations: readonly number[];
  /** Channels between the layers, and of the gated unit of each. */
  readonly channels: number;
  /** Channels of what the layers pass on to the end. */
  readonly skipChannels: number;
  /** How many values a sample has; by default 256, those of mu-law. */
  readonly values?: number;
  /** How many classes there are of each thing that sounds are conditioned on, such as 10 digits and 6 speakers; by default of none. */
  readonly conditions?: readonly number[];
}

/** Settings that all parts of a {@link WaveNet} have. */
export type WaveNetSizes = Required<WaveNetOptions>;

/** A causal dilated convolution into a gated unit, whose result goes on to the next layer and to the end (figure 4 of the paper). */
class WaveNetLayer extends Module {
  readonly filter: Conv1d;
  readonly gate: Conv1d;
  readonly skip: Conv1d;
  /** Undefined in the last layer: nothing comes after it. */
  readonly residual: Conv1d | undefined;

  constructor({ channels, skipChannels }: WaveNetSizes, dilation: number, isLast: boolean) {
    super();
    const causal = { dilation, padding: "causal" } as const;
    this.filter = new Conv1d(channels, channels, 2, causal);
    this.gate = new Conv1d(channels, channels, 2, causal);
    this.skip = new Conv1d(channels, skipChannels, 1);
    this.residual = isLast ? undefined : new Conv1d(channels, channels, 1);
  }

  /** @param bias what the conditions add to filter and gate, each `[batch, channels, 1]` */
  forward(x: Tensor, bias: readonly [filter: Tensor, gate: Tensor] | undefined): { readonly x: Tensor; readonly skip: Tensor } {
    const [filter, gate] = [this.filter.forward(x), this.gate.forward(x)];
    const gated = bias ? mul(tanh(add(filter, bias[0])), sigmoid(add(gate, bias[1]))) : mul(tanh(filter), sigmoid(gate));
    return { x: this.residual ? add(x, this.residual.forward(gated)) : x, skip: this.skip.forward(gated) };
  }
}

/**
 * A network that predicts each sample of a sound from those before it (van den Oord et al. 2016, WaveNet: a generative model for raw audio).
 * Samples are codes, such as those of mu-law, and are read through an embedding. Before the beginning, the layers see zeros.
 */
export class WaveNet extends Module {
  readonly sizes: WaveNetSizes;
  readonly embedding: Embedding;
  readonly layers: readonly WaveNetLayer[];
  /** For each condition a vector for each class: what it adds to the filters and gates of all layers (global conditioning, section 2.5). */
  readonly conditioning: readonly Embedding[];
  readonly hidden: Conv1d;
  readonly output: Linear;

  /** @throws KasaneError where there are no layers, or a size is no integer from 1 */
  constructor(options: WaveNetOptions) {
    super();
    checkOptions<WaveNetOptions>("WaveNet", options, {
      dilations: "required",
      channels: "required",
      skipChannels: "required",
      values: "optional",
      conditions: "optional",
    });
    const { dilations, channels, skipChannels, values = 256, conditions = [] } = options;
    check(dilations.length > 0, () => "WaveNet: dilations is empty: expected that of one layer or more");
    for (const dilation of dilations) checkSizes("WaveNet", { dilation }, 1);
    checkSizes("WaveNet", { channels, skipChannels, values }, 1);
    this.sizes = { dilations, channels, skipChannels, values, conditions };
    this.embedding = new Embedding(values, channels);
    this.layers = dilations.map((dilation, i) => new WaveNetLayer(this.sizes, dilation, i === dilations.length - 1));
    const biases = 2 * channels * dilations.length;
    this.conditioning = conditions.map((classes) => new Embedding(classes, biases, { weightInitialiser: zeros }));
    this.hidden = new Conv1d(skipChannels, skipChannels, 1);
    this.output = new Linear(skipChannels, values);
  }

  /** How many codes a prediction depends on at most. */
  get receptiveField(): number {
    return this.sizes.dilations.reduce((sum, dilation) => sum + dilation, 1);
  }

  /**
   * Logits of the code after each.
   * @param codes integers `[batch, length]`
   * @param labels integers `[batch, conditions]`, where there are conditions
   * @returns `[batch, length, values]`
   */
  forward(codes: Tensor, labels?: Tensor): Tensor {
    const { channels } = this.sizes;
    const biases = this.biases(labels);
    let x = permute(this.embedding.forward(codes), [0, 2, 1]); // [batch, channels, length]
    let total: Tensor | undefined;
    this.layers.forEach((layer, i) => {
      const part = (from: number) => biases && reshape(slice(biases, [[], [from * channels, (from + 1) * channels]]), [-1, channels, 1]);
      const [filter, gate] = [part(2 * i), part(2 * i + 1)];
      const { x: next, skip } = layer.forward(x, filter && gate && [filter, gate]);
      x = next;
      total = total ? add(total, skip) : skip;
    });
    const hidden = relu(this.hidden.forward(relu(total as Tensor)));
    return this.output.forward(permute(hidden, [0, 2, 1]));
  }

  /** What the conditions add to filters and gates, `[batch, layers * 2 * channels]`; undefined where there are none. */
  biases(labels: Tensor | undefined): Tensor | undefined {
    const { length } = this.conditioning;
    const isRight = length === 0 ? labels === undefined : labels?.rank === 2 && labels.shape[1] === length;
    check(
      isRight,
      () =>
        `WaveNet: got ${labels ? `labels ${showShape(labels.shape)}` : "no labels"}, expected ${length === 0 ? "none" : `[batch, ${length}]`}`,
    );
    const vectors = this.conditioning.map((each, i) => each.forward(reshape(slice(labels as Tensor, [[], [i, i + 1]]), [-1])));
    return vectors.reduce<Tensor | undefined>((sum, vector) => (sum ? add(sum, vector) : vector), undefined);
  }
}
