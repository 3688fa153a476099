import { scan } from "../autodiff/scan.js";
import type { DecoderStep } from "../decode/decoder.js";
import { check } from "../graph/error.js";
import { checkChoice, checkOptions, type OptionNames } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { mapTree } from "../graph/tree.js";
import { AdditiveAttention } from "../nn/additiveAttention.js";
import { type Attended, type Attention, attend } from "../nn/attention.js";
import { Dropout } from "../nn/dropout.js";
import { Embedding } from "../nn/embedding.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { MultiplicativeAttention } from "../nn/multiplicativeAttention.js";
import { Gru, Lstm, type RecurrentNetwork, Rnn } from "../nn/recurrent.js";
import type { HiddenState } from "../nn/recurrentCell.js";
import { maximum, where } from "../ops/arithmetic.js";
import { equal, less, notEqual } from "../ops/compare.js";
import type { TensorLike } from "../ops/constants.js";
import { absent } from "../ops/create.js";
import { tanh } from "../ops/elementary.js";
import { random } from "../ops/random.js";
import { argmax, sum } from "../ops/reduce.js";
import { reshape, transpose } from "../ops/shapes.js";
import { concat, unstack } from "../ops/slicing.js";
import type { SequenceModel } from "./sequenceModel.js";

/** Sizes and settings of {@link SequenceToSequence}. */
export interface SequenceToSequenceOptions {
  readonly sourceVocabulary: number;
  readonly targetVocabulary: number;
  /** Of the tokens' vectors. */
  readonly size: number;
  /** Of the decoder, and of the encoder in each direction. */
  readonly hiddenSize: number;
  readonly cell: keyof typeof networks;
  /** By default 1. */
  readonly layers?: number;
  /** Whether the encoder reads in both directions. */
  readonly bidirectional?: boolean;
  /** The score of the decoder's attention to the encoder's outputs. By default there is none: the decoder knows the encoder's last state alone. */
  readonly attention?: "additive" | "dot" | "general";
  /** Whether the decoder's input holds its last attentional vector too (Luong et al. 2015, section 3.3). */
  readonly inputFeeding?: boolean;
  /** The probability of dropout of tokens' vectors, between layers and before the output. */
  readonly dropout?: number;
  /** The id of padding, by default 0. */
  readonly padding?: number;
}

const modelOptions: OptionNames<SequenceToSequenceOptions> = {
  sourceVocabulary: "required",
  targetVocabulary: "required",
  size: "required",
  hiddenSize: "required",
  cell: "required",
  layers: "optional",
  bidirectional: "optional",
  attention: "optional",
  inputFeeding: "optional",
  dropout: "optional",
  padding: "optional",
};

const networks = { rnn: Rnn, lstm: Lstm, gru: Gru };

/** The state of any of the networks. */
type NetworkState = HiddenState & { readonly cell?: Tensor };

/** What the decoder sees of the encoder's outputs. */
export interface Memory {
  /** `[batch, sources, size]` */
  readonly values: Tensor;
  /** As the attention projects them, `[batch, sources, ...]`. */
  readonly projected: Tensor;
  /** Bool `[batch, sources]` */
  readonly padding: Tensor;
}

/** What changes from token to token. */
interface Progress {
  /** The decoder's state, each part `[batch, layers, hiddenSize]`: as a recurrent network has it, but with the batch first. */
  readonly network: NetworkState;
  /** The last attentional vector `[batch, hiddenSize]`, with input feeding. */
  readonly fed: Tensor | undefined;
}

/** What a {@link SequenceToSequence} carries from token to token. */
export interface SequenceToSequenceState extends Progress {
  /** With attention. */
  readonly memory: Memory | undefined;
}

/**
 * A recurrent encoder and a recurrent decoder that starts from its last state (Sutskever et al. 2014, Sequence to sequence learning with
 * neural networks), where asked for with attention to the encoder's outputs: what the decoder's hidden state `h` finds there, `c`, makes the
 * attentional vector `tanh(W [c; h])` that predicts the next token (Luong et al. 2015, equation 5), for any of the scores.
 */
export class SequenceToSequence extends Module implements SequenceModel<SequenceToSequenceState> {
  readonly sourceVectors: Embedding;
  readonly targetVectors: Embedding;
  readonly encoder: RecurrentNetwork<NetworkState>;
  readonly decoder: RecurrentNetwork<NetworkState>;
  /** Computes each part of the decoder's state from the last states of both directions. */
  readonly bridge: Readonly<Record<string, Linear>> | undefined;
  readonly attention: Attention | undefined;
  /** The W of the attentional vector. */
  readonly combination: Linear | undefined;
  readonly output: Linear;
  readonly dropout: Dropout;

  constructor(readonly options: SequenceToSequenceOptions) {
    super();
    checkOptions("SequenceToSequence", options, modelOptions);
    checkChoice("SequenceToSequence", "cell", options.cell, Object.keys(networks));
    checkChoice("SequenceToSequence", "attention", options.attention, ["additive", "dot", "general"]);
    const { size, hiddenSize, cell, layers = 1, bidirectional = false, attention, inputFeeding = false, dropout = 0 } = options;
    check(attention !== undefined || !inputFeeding, () => "SequenceToSequence: inputFeeding feeds what attention found: choose one");
    this.sourceVectors = new Embedding(options.sourceVocabulary, size);
    this.targetVectors = new Embedding(options.targetVocabulary, size);
    const network = (inputSize: number, directions: { readonly bidirectional: boolean }) =>
      new networks[cell](inputSize, hiddenSize, { layers, dropout, ...directions }) as RecurrentNetwork<NetworkState>;
    this.encoder = network(size, { bidirectional });
    this.decoder = network(size + (inputFeeding ? hiddenSize : 0), { bidirectional: false });
    const encodedSize = this.encodedSize();
    if (bidirectional) this.bridge = Object.fromEntries(this.decoder.parts.map((part) => [part, new Linear(encodedSize, hiddenSize)]));
    if (attention) {
      this.attention =
        attention === "additive"
          ? new AdditiveAttention(hiddenSize, encodedSize, hiddenSize)
          : new MultiplicativeAttention(hiddenSize, encodedSize, attention);
      this.combination = new Linear(encodedSize + hiddenSize, hiddenSize, { bias: false });
    }
    this.output = new Linear(hiddenSize, options.targetVocabulary);
    this.dropout = new Dropout(dropout);
  }

  /**
   * See {@link SequenceModel.forward}.
   * @param ownTokens the probability that a step is fed the model's own most probable token in place of the target's (Bengio et al. 2015,
   * Scheduled sampling); no gradient flows through the choice
   */
  forward(source: Tensor, target: Tensor, ownTokens?: TensorLike): Tensor {
    return this.attend(source, target, ownTokens).logits;
  }

  /** {@link forward} with what each target token looked at, `[batch, targets, sources]`; undefined without attention. */
  attend(source: Tensor, target: Tensor, ownTokens?: TensorLike): { logits: Tensor; weights: Tensor | undefined } {
    const start = this.start(source);
    const inputs = transpose(target);
    // The tokens that are fed are computed first, so that the rest is computed for all steps at once.
    const fed = ownTokens === undefined ? inputs : this.mixed(start, inputs, ownTokens);
    const vectors = this.dropout.forward(this.targetVectors.forward(fed));
    const { output, weights } = start.fed ? this.stepByStep(start, vectors) : this.atOnce(start, vectors);
    return { logits: this.logits(output), weights };
  }

  encode(source: Tensor): SequenceToSequenceState {
    return this.start(source);
  }

  decoderStep(tokens: Tensor, { memory, ...before }: SequenceToSequenceState): ReturnType<DecoderStep<SequenceToSequenceState>> {
    const vectors = this.dropout.forward(this.targetVectors.forward(tokens));
    const { output, after } = this.advance(vectors, before, memory);
    return { logits: this.logits(output), state: { ...after, memory } };
  }

  private encodedSize(): number {
    return this.options.hiddenSize * (this.options.bidirectional ? 2 : 1);
  }

  /** Reads the sources `[batch, sources]`. */
  private start(source: Tensor): SequenceToSequenceState {
    const { padding = 0, hiddenSize, inputFeeding, layers = 1 } = this.options;
    const [batch] = source.shape as [number];
    const vectors = this.dropout.forward(this.sourceVectors.forward(transpose(source)));
    // A row that only fills a batch may be all padding.
    const lengths = maximum(sum(notEqual(source, padding), { axis: 1 }), 1);
    const { outputs, state } = this.encoder.forward(vectors, { lengths });
    const { bridge } = this;
    const bridged =
      bridge &&
      this.decoder.parts.map((part) => {
        // [layers * 2, batch, hiddenSize] to [layers, batch, 2 * hiddenSize]
        const directions = transpose(reshape(state[part] as Tensor, [layers, 2, batch, hiddenSize]), [0, 2, 1, 3]);
        const value = (bridge[part] as Linear).forward(reshape(directions, [layers, batch, 2 * hiddenSize]));
        // A hidden state lies within ±1, the cell of an LSTM does not.
        return [part, part === "hidden" ? tanh(value) : value];
      });
    const values = transpose(outputs, [1, 0, 2]);
    return {
      network: swapBatch(bridged ? (Object.fromEntries(bridged) as NetworkState) : state),
      fed: inputFeeding ? absent([batch, hiddenSize], "float32") : undefined,
      memory: this.attention && { values, projected: this.attention.project(values), padding: equal(source, padding) },
    };
  }

  /** One step on the vectors `[batch, size]` of one token each; the output is what predicts the next, `[batch, hiddenSize]`. */
  private advance(
    vectors: Tensor,
    { network, fed }: Progress,
    memory: Memory | undefined,
  ): { output: Tensor; weights: Tensor | undefined; after: Progress } {
    const [batch] = vectors.shape as [number];
    const input = fed ? concat([vectors, fed], { axis: 1 }) : vectors;
    const { outputs, state } = this.decoder.forward(reshape(input, [1, batch, -1]), { state: swapBatch(network) });
    const looked = this.look(reshape(outputs, [batch, 1, -1]), memory);
    const output = reshape(looked.output, [batch, -1]);
    return {
      output,
      weights: looked.weights && reshape(looked.weights, [batch, -1]),
      after: { network: swapBatch(state), fed: fed && output },
    };
  }

  /** The attentional vectors of hidden states `[batch, steps, hiddenSize]`; without attention those themselves. */
  private look(hidden: Tensor, memory: Memory | undefined): Partial<Attended> & { output: Tensor } {
    if (!this.attention || !this.combination || !memory) return { output: hidden };
    const { output, weights } = attend(this.attention.score(hidden, memory.projected), memory.values, { keyPadding: memory.padding });
    return { output: tanh(this.combination.forward(concat([output, hidden], { axis: 2 }))), weights };
  }

  /** All steps at once on vectors `[targets, batch, size]`, where no step's input needs the output of the one before: `[batch, targets, hiddenSize]`. */
  private atOnce({ network, memory }: SequenceToSequenceState, vectors: Tensor): Partial<Attended> & { output: Tensor } {
    const { outputs } = this.decoder.forward(vectors, { state: swapBatch(network) });
    return this.look(transpose(outputs, [1, 0, 2]), memory);
  }

  /** All steps one after the other. */
  private stepByStep({ memory, ...start }: SequenceToSequenceState, vectors: Tensor): Partial<Attended> & { output: Tensor } {
    const step = (before: Progress, slice: Tensor) => {
      const { output, weights, after } = this.advance(slice, before, memory);
      return { carry: after, outputs: { output, weights } };
    };
    return mapTree(scan(step, start, vectors).outputs, (x) => transpose(x, [1, 0, 2]));
  }

  /** The target's tokens `[targets, batch]`, some of them replaced by the model's own choice given the tokens before. */
  private mixed({ memory, ...start }: SequenceToSequenceState, target: Tensor, ownTokens: TensorLike): Tensor {
    const [, batch] = target.shape as [number, number];
    const step = ({ own, ...before }: Progress & { readonly own: Tensor }, given: Tensor) => {
      const tokens = where(less(random.uniform([batch]), ownTokens), own, given);
      const vectors = this.dropout.forward(this.targetVectors.forward(tokens));
      const { output, after } = this.advance(vectors, before, memory);
      return { carry: { own: argmax(this.logits(output), { axis: -1 }), ...after }, outputs: tokens };
    };
    // Nothing comes before the first token, which is the mark of the beginning.
    const first = unstack(target)[0] as Tensor;
    return scan(step, { own: first, ...start }, target).outputs;
  }

  private logits(x: Tensor): Tensor {
    return this.output.forward(this.dropout.forward(x));
  }
}

/** `[layers, batch, hiddenSize]` to `[batch, layers, hiddenSize]`, or back. */
const swapBatch = (state: NetworkState): NetworkState => mapTree(state, (part) => transpose(part, [1, 0, 2]));
