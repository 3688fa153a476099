import type { Tensor } from "../graph/tensor.js";
import { reshape } from "../ops/shapes.js";
import type { Attended, AttentionMasks } from "./attention.js";
import { type CachedStep, type KeysAndValues, MultiheadAttention } from "./multiheadAttention.js";
import { TransformerLayer, type TransformerLayerOptions } from "./transformerLayer.js";
import { TransformerStack, type TransformerStackOptions } from "./transformerStack.js";

/** What the queries of a decoder may not see: of each other (by default what comes after), and of the encoder's output. */
export interface DecoderMasks extends AttentionMasks {
  readonly memoryMask?: Tensor;
  /** Bool `[batch, sources]`: true where the encoder's input was padding. */
  readonly memoryPadding?: Tensor;
}

/** What one decoder layer gives. */
export interface DecodedLayer extends Attended {
  /** Of the attention to the encoder's output, `[batch, heads, places, sources]`. */
  readonly memoryWeights: Tensor;
}

/** Self-attention, attention to what an encoder gave out, then a feed-forward part (Vaswani et al. 2017, section 3.1). */
export class TransformerDecoderLayer extends TransformerLayer {
  readonly selfAttention: MultiheadAttention;
  readonly crossAttention: MultiheadAttention;

  constructor(size: number, options: TransformerLayerOptions) {
    super(size, 3, options);
    const attention = () =>
      new MultiheadAttention(size, options.heads, { dropout: options.dropout, maxRelativePosition: options.maxRelativePosition });
    this.selfAttention = attention();
    this.crossAttention = attention();
  }

  /**
   * @param x `[batch, places, size]`, which stays
   * @param memory the encoder's output, `[batch, sources, size]`
   */
  forward(x: Tensor, memory: Tensor, { memoryMask, memoryPadding, causal = true, ...masks }: DecoderMasks = {}): DecodedLayer {
    const attended: Attended[] = [];
    const output = this.run(
      x,
      [
        (value: Tensor) => this.selfAttention.forward(value, value, value, { ...masks, causal }),
        (value: Tensor) => this.crossAttention.forward(value, memory, memory, { mask: memoryMask, keyPadding: memoryPadding }),
      ].map((attend) => (value) => {
        const result = attend(value);
        attended.push(result);
        return result.output;
      }),
    );
    const [own, other] = attended as [Attended, Attended];
    return { output, weights: own.weights, memoryWeights: other.weights };
  }

  /**
   * {@link forward} for one new place of each sequence.
   * @param x `[batch, size]`
   * @param position the place of each, int32 `[batch]`
   * @param cache of the self-attention; see {@link MultiheadAttention.step}
   * @param memory the encoder's output as `crossAttention` projects it
   * @returns the output `[batch, size]` and the cache with the new place in it
   */
  step(x: Tensor, position: Tensor, cache: KeysAndValues, memory: KeysAndValues, memoryPadding?: Tensor): CachedStep<KeysAndValues> {
    const [batch] = x.shape as [number];
    let grown = cache;
    const output = this.run(x, [
      (value) => {
        const step = this.selfAttention.step(value, position, cache);
        grown = step.cache;
        return step.output;
      },
      (value) => {
        const query = reshape(value, [batch, 1, this.size]);
        return reshape(this.crossAttention.attendTo(query, memory, { keyPadding: memoryPadding }, position).output, [batch, this.size]);
      },
    ]);
    return { output, cache: grown };
  }
}

/** What a {@link TransformerDecoder} gives. */
export interface Decoded {
  /** `[batch, places, size]` */
  readonly output: Tensor;
  /** Of each layer's self-attention, `[batch, heads, places, places]`. */
  readonly weights: readonly Tensor[];
  /** Of each layer's attention to the encoder's output, `[batch, heads, places, sources]`. */
  readonly memoryWeights: readonly Tensor[];
}

/** Decoder layers, each on the output of the one before, and all on the same encoder's. */
export class TransformerDecoder extends TransformerStack<TransformerDecoderLayer> {
  constructor(size: number, options: TransformerStackOptions) {
    super(size, options, (...layer) => new TransformerDecoderLayer(...layer));
  }

  /** `[batch, places, size]`, which stays, beside the encoder's output `[batch, sources, size]`. */
  forward(x: Tensor, memory: Tensor, masks: DecoderMasks = {}): Decoded {
    const decoded: DecodedLayer[] = [];
    for (const layer of this.layers) decoded.push(layer.forward(decoded.at(-1)?.output ?? x, memory, masks));
    return {
      output: this.finish(decoded.at(-1)?.output ?? x),
      weights: decoded.map(({ weights }) => weights),
      memoryWeights: decoded.map(({ memoryWeights }) => memoryWeights),
    };
  }

  /** The keys and values that each layer sees in the encoder's output `[batch, sources, size]`: the same at every {@link step}. */
  project(memory: Tensor): readonly KeysAndValues[] {
    return this.layers.map((layer) => layer.crossAttention.project(memory));
  }

  /** A cache for each layer, of room for so many places. */
  emptyCache(batch: number, capacity: number): readonly KeysAndValues[] {
    return this.layers.map((layer) => layer.selfAttention.emptyCache(batch, capacity));
  }

  /**
   * {@link forward} for one new place of each sequence: nothing of the places before is computed again.
   * See {@link TransformerDecoderLayer.step}; caches and projected memories are one a layer.
   */
  step(
    x: Tensor,
    position: Tensor,
    cache: readonly KeysAndValues[],
    memory: readonly KeysAndValues[],
    memoryPadding?: Tensor,
  ): CachedStep<readonly KeysAndValues[]> {
    let output = x;
    const grown = this.layers.map((layer, i) => {
      const step = layer.step(output, position, cache[i] as KeysAndValues, memory[i] as KeysAndValues, memoryPadding);
      output = step.output;
      return step.cache;
    });
    return { output: this.finish(output), cache: grown };
  }
}
