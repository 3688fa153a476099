import { checkChoice, checkOptions, type OptionNames, pickOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { gelu, relu } from "../ops/activation.js";
import { add } from "../ops/arithmetic.js";
import { Dropout } from "./dropout.js";
import { LayerNorm } from "./layerNorm.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";

const activations = { relu, gelu };

/** Settings of {@link FeedForward}. */
export interface FeedForwardOptions {
  /** How wide the layer between the two is; four times the size in the paper. */
  readonly innerSize: number;
  /** By default `relu`. */
  readonly activation?: keyof typeof activations;
  /** The probability of dropout between the two. */
  readonly dropout?: number;
}

const feedForwardOptions: OptionNames<FeedForwardOptions> = { innerSize: "required", activation: "optional", dropout: "optional" };

/** Two linear layers that see each place by itself, `W₂ f(W₁ x + b₁) + b₂` (Vaswani et al. 2017, section 3.3). */
export class FeedForward extends Module {
  readonly inner: Linear;
  readonly outer: Linear;
  readonly dropout: Dropout;
  readonly activation: keyof typeof activations;

  constructor(size: number, options: FeedForwardOptions) {
    super();
    checkOptions("FeedForward", options, feedForwardOptions);
    const { innerSize, activation = "relu", dropout = 0 } = options;
    checkChoice("FeedForward", "activation", activation, Object.keys(activations));
    this.inner = new Linear(size, innerSize);
    this.outer = new Linear(innerSize, size);
    this.dropout = new Dropout(dropout);
    this.activation = activation;
  }

  /** `[..., size]`, which stays. */
  forward(x: Tensor): Tensor {
    return this.outer.forward(this.dropout.forward(activations[this.activation](this.inner.forward(x))));
  }
}

/** Settings of the layers of a Transformer. */
export interface TransformerLayerOptions extends FeedForwardOptions {
  readonly heads: number;
  /** The probability of dropout of attention's weights, within the feed-forward part, and of what each part adds; by default none. */
  readonly dropout?: number;
  /** Of every attention: see {@link MultiheadAttentionOptions}. */
  readonly maxRelativePosition?: number;
  /** Whether what goes into each part is normalised (Xiong et al. 2020), and not, as in the paper, what comes out of its sum. */
  readonly preNorm?: boolean;
}

/** The names of the options of a layer. */
export const transformerLayerOptions: OptionNames<TransformerLayerOptions> = {
  ...feedForwardOptions,
  heads: "required",
  maxRelativePosition: "optional",
  preNorm: "optional",
};

/** What encoder and decoder layers share: parts whose result is added to what they were given, and a feed-forward part as the last one. */
export abstract class TransformerLayer extends Module {
  readonly feedForward: FeedForward;
  /** One a part. */
  readonly norms: readonly LayerNorm[];
  readonly dropout: Dropout;
  readonly preNorm: boolean;

  /** @param parts how many there are */
  constructor(
    readonly size: number,
    parts: number,
    options: TransformerLayerOptions,
  ) {
    super();
    checkOptions(this.constructor.name, options, transformerLayerOptions);
    const { dropout = 0, preNorm = false } = options;
    this.feedForward = new FeedForward(size, pickOptions(options, feedForwardOptions));
    this.norms = Array.from({ length: parts }, () => new LayerNorm(size));
    this.dropout = new Dropout(dropout);
    this.preNorm = preNorm;
  }

  /** Runs all parts on `x` one after the other; the feed-forward part comes last by itself. */
  protected run(x: Tensor, parts: readonly ((x: Tensor) => Tensor)[]): Tensor {
    return [...parts, (value: Tensor) => this.feedForward.forward(value)].reduce((value, part, i) => {
      const norm = this.norms[i] as LayerNorm;
      return this.preNorm
        ? add(value, this.dropout.forward(part(norm.forward(value))))
        : norm.forward(add(value, this.dropout.forward(part(value))));
    }, x);
  }

  /** PyTorch's names: `self_attn.in_proj_weight`, `linear1.weight`, `norm1.weight`. */
  override torchName(path: string): string {
    return path
      .replace(/^selfAttention\./, "self_attn.")
      .replace(/^crossAttention\./, "multihead_attn.")
      .replace(/^feedForward\.inner\./, "linear1.")
      .replace(/^feedForward\.outer\./, "linear2.")
      .replace(/^norms\.(\d+)\./, (_, i) => `norm${Number(i) + 1}.`);
  }
}
