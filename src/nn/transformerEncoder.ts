import type { Tensor } from "../graph/tensor.js";
import type { Attended, AttentionMasks } from "./attention.js";
import { MultiheadAttention } from "./multiheadAttention.js";
import { TransformerLayer, type TransformerLayerOptions } from "./transformerLayer.js";
import { TransformerStack, type TransformerStackOptions } from "./transformerStack.js";

/** Self-attention, then a feed-forward part (Vaswani et al. 2017, section 3.1). */
export class TransformerEncoderLayer extends TransformerLayer {
  readonly selfAttention: MultiheadAttention;

  constructor(size: number, options: TransformerLayerOptions) {
    super(size, 2, options);
    this.selfAttention = new MultiheadAttention(size, options.heads, {
      dropout: options.dropout,
      maxRelativePosition: options.maxRelativePosition,
    });
  }

  /** `[batch, places, size]`, which stays; the weights are `[batch, heads, places, places]`. */
  forward(x: Tensor, masks: AttentionMasks = {}): Attended {
    let weights: Tensor | undefined;
    const output = this.run(x, [
      (value) => {
        const attended = this.selfAttention.forward(value, value, value, masks);
        weights = attended.weights;
        return attended.output;
      },
    ]);
    return { output, weights: weights as Tensor };
  }
}

/** What stacks of layers give. */
export interface Encoded {
  /** `[batch, places, size]` */
  readonly output: Tensor;
  /** Of each layer, `[batch, heads, places, places]`. */
  readonly weights: readonly Tensor[];
}

/** Encoder layers, each on the output of the one before. */
export class TransformerEncoder extends TransformerStack<TransformerEncoderLayer> {
  constructor(size: number, options: TransformerStackOptions) {
    super(size, options, (...layer) => new TransformerEncoderLayer(...layer));
  }

  /** `[batch, places, size]`, which stays. */
  forward(x: Tensor, masks: AttentionMasks = {}): Encoded {
    const weights: Tensor[] = [];
    let value = x;
    for (const layer of this.layers) {
      const attended = layer.forward(value, masks);
      value = attended.output;
      weights.push(attended.weights);
    }
    return { output: this.finish(value), weights };
  }
}
