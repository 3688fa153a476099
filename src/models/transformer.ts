import type { DecoderStep } from "../decode/decoder.js";
import { check } from "../graph/error.js";
import { checkOptions, type OptionNames, pickOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { ConvolutionalContext } from "../nn/convolutionalContext.js";
import { Dropout } from "../nn/dropout.js";
import { Embedding } from "../nn/embedding.js";
import { normal } from "../nn/init.js";
import { linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import type { KeysAndValues } from "../nn/multiheadAttention.js";
import { sinusoidalEncoding } from "../nn/positionEncoding.js";
import { TransformerDecoder } from "../nn/transformerDecoder.js";
import { TransformerEncoder } from "../nn/transformerEncoder.js";
import { type TransformerStackOptions, transformerStackOptions } from "../nn/transformerStack.js";
import { add, mul } from "../ops/arithmetic.js";
import { equal } from "../ops/compare.js";
import { arange, zeros } from "../ops/create.js";
import type { SequenceModel } from "./sequenceModel.js";

/** Sizes and settings of a {@link Transformer}; the paper's are 6 layers of 8 heads, size 512, innerSize 2048, dropout 0.1. */
export interface TransformerOptions extends TransformerStackOptions {
  readonly sourceVocabulary: number;
  readonly targetVocabulary: number;
  readonly size: number;
  /** By default as many as the encoder's `layers`. */
  readonly decoderLayers?: number;
  /** The id of padding, by default 0. */
  readonly padding?: number;
  /** The width of a {@link ConvolutionalContext} before the encoder, and of a causal one before the decoder; by default there is none. */
  readonly contextWidth?: number;
  /** Whether sources and targets have one vocabulary, and one vector for each token of it. */
  readonly sharedVocabulary?: boolean;
}

const transformerOptions: OptionNames<TransformerOptions> = {
  ...transformerStackOptions,
  sourceVocabulary: "required",
  targetVocabulary: "required",
  size: "required",
  decoderLayers: "optional",
  padding: "optional",
  contextWidth: "optional",
  sharedVocabulary: "optional",
};

/** Every head's weights in every layer. */
export interface AttentionMaps {
  /** `[batch, heads, sources, sources]` */
  readonly encoder: readonly Tensor[];
  /** `[batch, heads, targets, targets]` */
  readonly decoder: readonly Tensor[];
  /** `[batch, heads, targets, sources]` */
  readonly cross: readonly Tensor[];
}

/** What a {@link Transformer} carries from token to token. */
export interface TransformerState {
  /** The place of the next token, int32 `[batch]`. */
  readonly position: Tensor;
  /** Bool `[batch, sources]`: true where the source is padding. */
  readonly padding: Tensor;
  /** What each decoder layer's self-attention has seen. */
  readonly cache: readonly KeysAndValues[];
  /** The encoder's output as each decoder layer sees it. */
  readonly memory: readonly KeysAndValues[];
  /** The last vectors, where there is a convolutional context. */
  readonly recent: Tensor | undefined;
}

/** The encoder-decoder Transformer (Vaswani et al. 2017, Attention is all you need); the output layer has the target tokens' vectors. */
export class Transformer extends Module implements SequenceModel<TransformerState> {
  readonly sourceVectors: Embedding;
  readonly targetVectors: Embedding;
  readonly dropout: Dropout;
  readonly sourceContext: ConvolutionalContext | undefined;
  readonly targetContext: ConvolutionalContext | undefined;
  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;

  constructor(readonly options: TransformerOptions) {
    super();
    checkOptions("Transformer", options, transformerOptions);
    const { sourceVocabulary, targetVocabulary, size, sharedVocabulary = false, dropout, contextWidth } = options;
    check(
      !sharedVocabulary || sourceVocabulary === targetVocabulary,
      () => `Transformer: a shared vocabulary of ${sourceVocabulary} source and ${targetVocabulary} target tokens: expected one number`,
    );
    // They are multiplied by √size at the input, and logits are products with them. So they start smaller by the factor √size.
    const vectors = (vocabulary: number) => new Embedding(vocabulary, size, { weightInitialiser: normal(0, size ** -0.5) });
    this.targetVectors = vectors(targetVocabulary);
    this.sourceVectors = sharedVocabulary ? this.targetVectors : vectors(sourceVocabulary);
    this.dropout = new Dropout(dropout ?? 0);
    this.sourceContext = contextWidth === undefined ? undefined : new ConvolutionalContext(size, contextWidth);
    this.targetContext = contextWidth === undefined ? undefined : new ConvolutionalContext(size, contextWidth, { causal: true });
    const ofStack = pickOptions<TransformerStackOptions>(options, transformerStackOptions);
    this.encoder = new TransformerEncoder(size, ofStack);
    this.decoder = new TransformerDecoder(size, { ...ofStack, layers: options.decoderLayers ?? options.layers });
  }

  forward(source: Tensor, target: Tensor): Tensor {
    return this.attend(source, target).logits;
  }

  /** {@link forward} with what each head looked at. */
  attend(source: Tensor, target: Tensor): { logits: Tensor; attention: AttentionMaps } {
    const padding = this.isPadding(source);
    const encoded = this.encodeTokens(source, padding);
    // Padding in targets needs no mask: no token before it sees it.
    const x = this.vectorsOf(this.targetVectors, target);
    const decoded = this.decoder.forward(this.targetContext?.forward(x) ?? x, encoded.output, { memoryPadding: padding });
    return {
      logits: this.logits(decoded.output),
      attention: { encoder: encoded.weights, decoder: decoded.weights, cross: decoded.memoryWeights },
    };
  }

  encode(source: Tensor, capacity: number): TransformerState {
    const [batch] = source.shape as [number];
    const padding = this.isPadding(source);
    return {
      position: zeros([batch], "int32"),
      padding,
      cache: this.decoder.emptyCache(batch, capacity),
      memory: this.decoder.project(this.encodeTokens(source, padding).output),
      recent: this.targetContext?.emptyRecent(batch),
    };
  }

  decoderStep(tokens: Tensor, state: TransformerState): ReturnType<DecoderStep<TransformerState>> {
    const { position, padding, memory } = state;
    const x = this.placed(this.targetVectors.forward(tokens), position);
    const context = state.recent && this.targetContext?.step(x, state.recent);
    const { output, cache } = this.decoder.step(context?.output ?? x, position, state.cache, memory, padding);
    return { logits: this.logits(output), state: { position: add(position, 1), padding, cache, memory, recent: context?.recent } };
  }

  private encodeTokens(source: Tensor, padding: Tensor): ReturnType<TransformerEncoder["forward"]> {
    const x = this.vectorsOf(this.sourceVectors, source);
    return this.encoder.forward(this.sourceContext?.forward(x, padding) ?? x, { keyPadding: padding });
  }

  private isPadding(ids: Tensor): Tensor {
    return equal(ids, this.options.padding ?? 0);
  }

  /** `[batch, places]` to `[batch, places, size]`. */
  private vectorsOf(vectors: Embedding, ids: Tensor): Tensor {
    return this.placed(vectors.forward(ids), arange(ids.shape[1] as number));
  }

  /** Vectors as the first layer takes them: scaled, each with its place (section 3.4 and 3.5). */
  private placed(vectors: Tensor, positions: Tensor): Tensor {
    const { size } = this.options;
    return this.dropout.forward(add(mul(vectors, Math.sqrt(size)), sinusoidalEncoding(positions, size)));
  }

  private logits(x: Tensor): Tensor {
    return linear(x, this.targetVectors.weight);
  }
}
