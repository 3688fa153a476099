import type { DecoderStep } from "../decode/decoder.js";
import { check } from "../graph/error.js";
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
import type { TransformerStackOptions } from "../nn/transformerStack.js";
import type { InputSpecification } from "../onnx/model.js";
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
  /** The id that stands for nothing, by default 0. */
  readonly padding?: number;
  /** The width of a {@link ConvolutionalContext} before the encoder, and of a causal one before the decoder; by default there is none. */
  readonly contextWidth?: number;
  /** Whether sources and targets have one vocabulary, and one vector for each token of it. */
  readonly sharedVocabulary?: boolean;
}

/** Every head's weights in every layer. */
export interface AttentionMaps {
  /** `[batch, heads, sources, sources]` */
  readonly encoder: readonly Tensor[];
  /** `[batch, heads, targets, targets]` */
  readonly decoder: readonly Tensor[];
  /** `[batch, heads, targets, sources]` */
  readonly cross: readonly Tensor[];
}

/** The encoder-decoder Transformer (Vaswani et al. 2017, Attention is all you need); the output layer has the target tokens' vectors. */
export class Transformer extends Module implements SequenceModel {
  readonly sourceVectors: Embedding;
  readonly targetVectors: Embedding;
  readonly dropout: Dropout;
  readonly sourceContext: ConvolutionalContext | undefined;
  readonly targetContext: ConvolutionalContext | undefined;
  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;

  constructor(readonly options: TransformerOptions) {
    super();
    const { sourceVocabulary, targetVocabulary, size, sharedVocabulary = false, dropout, contextWidth } = options;
    check(
      !sharedVocabulary || sourceVocabulary === targetVocabulary,
      () => `Transformer: a shared vocabulary of ${sourceVocabulary} source and ${targetVocabulary} target tokens: expected one number`,
    );
    // As they are multiplied by √size on the way in, and logits are products with them, they start smaller by as much.
    const vectors = (vocabulary: number) => new Embedding(vocabulary, size, { weightInitialiser: normal(0, size ** -0.5) });
    this.targetVectors = vectors(targetVocabulary);
    this.sourceVectors = sharedVocabulary ? this.targetVectors : vectors(sourceVocabulary);
    this.dropout = new Dropout(dropout ?? 0);
    this.sourceContext = contextWidth === undefined ? undefined : new ConvolutionalContext(size, contextWidth);
    this.targetContext = contextWidth === undefined ? undefined : new ConvolutionalContext(size, contextWidth, { causal: true });
    this.encoder = new TransformerEncoder(size, options);
    this.decoder = new TransformerDecoder(size, { ...options, layers: options.decoderLayers ?? options.layers });
  }

  forward(source: Tensor, target: Tensor): Tensor {
    return this.attend(source, target).logits;
  }

  /** {@link forward} with what each head looked at. */
  attend(source: Tensor, target: Tensor): { logits: Tensor; attention: AttentionMaps } {
    const padding = this.isPadding(source);
    const encoded = this.encodeTokens(source, padding);
    // Padding in targets needs no mask: it comes after all that could see it.
    const x = this.vectorsOf(this.targetVectors, target);
    const decoded = this.decoder.forward(this.targetContext?.forward(x) ?? x, encoded.output, { memoryPadding: padding });
    return {
      logits: this.logits(decoded.output),
      attention: { encoder: encoded.weights, decoder: decoded.weights, cross: decoded.memoryWeights },
    };
  }

  encode(source: Tensor, capacity: number): readonly Tensor[] {
    const [batch] = source.shape as [number];
    const padding = this.isPadding(source);
    const { output } = this.encodeTokens(source, padding);
    const caches = [...this.decoder.emptyCache(batch, capacity), ...this.decoder.project(output)];
    const recent = this.targetContext ? [this.targetContext.emptyRecent(batch)] : [];
    return [zeros([batch], "int32"), padding, ...caches.flatMap(({ keys, values }) => [keys, values]), ...recent];
  }

  decoderStep(tokens: Tensor, state: readonly Tensor[]): ReturnType<DecoderStep> {
    const { layers } = this.decoder;
    const [position, padding, ...tensors] = state as [Tensor, Tensor, ...Tensor[]];
    const pairs = Array.from(
      { length: 2 * layers.length },
      (_, i): KeysAndValues => ({ keys: tensors[2 * i] as Tensor, values: tensors[2 * i + 1] as Tensor }),
    );
    const x = this.placed(this.targetVectors.forward(tokens), position);
    const context = this.targetContext?.step(x, tensors[4 * layers.length] as Tensor);
    const [caches, memory] = [pairs.slice(0, layers.length), pairs.slice(layers.length)];
    const { output, cache } = this.decoder.step(context?.output ?? x, position, caches, memory, padding);
    const next = [...cache, ...memory].flatMap(({ keys, values }) => [keys, values]);
    return { logits: this.logits(output), state: [add(position, 1), padding, ...next, ...(context ? [context.recent] : [])] };
  }

  stateInputs(capacity: number): Record<string, InputSpecification> {
    const { heads, size, contextWidth } = this.options;
    const layers = this.decoder.layers.length;
    const inputs: Record<string, InputSpecification> = {
      position: { shape: ["batch"], dtype: "int32" },
      padding: { shape: ["batch", "sources"], dtype: "bool" },
    };
    for (const [prefix, places] of [
      ["", capacity],
      ["source.", "sources"],
    ] as const) {
      for (let i = 0; i < layers; i++) {
        for (const name of ["keys", "values"]) inputs[`${prefix}${name}.${i}`] = { shape: ["batch", heads, places, size / heads] };
      }
    }
    if (contextWidth !== undefined) inputs.recent = { shape: ["batch", contextWidth - 1, size] };
    return inputs;
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
