import { checkOptions, pickOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { Module } from "../nn/module.js";
import { Gru } from "../nn/recurrent.js";
import { GruCell } from "../nn/recurrentCell.js";
import { zeros } from "../ops/create.js";
import { gather } from "../ops/indexing.js";
import { reshape } from "../ops/shapes.js";
import { concat } from "../ops/slicing.js";
import {
  type DialogueLayout,
  type DialogueOptions,
  type Dialogues,
  dialogueOptions,
  PlainDialogueModel,
  readUtterances,
} from "./dialogueModel.js";

/** Sizes and settings of an {@link Hred}. */
export interface HredOptions extends DialogueOptions {
  /** Of the network that reads utterances. */
  readonly encoderSize: number;
  /** Of the network that reads what became of utterances. */
  readonly contextSize: number;
}

/** Reads a dialogue in two levels: a GRU over the words of each utterance, and one over its last states, one an utterance. */
export class HierarchicalEncoder extends Module {
  readonly utterance: GruCell;
  readonly context: Gru;

  constructor(size: number, encoderSize: number, contextSize: number) {
    super();
    this.utterance = new GruCell(size, encoderSize);
    this.context = new Gru(encoderSize, contextSize);
  }

  /**
   * @param vectors of the words, `[words, batch, size]`
   * @returns what each utterance says, `[turns, batch, encoderSize]`, and what is known before each and after the last, `[turns + 1, batch, contextSize]`
   */
  forward(vectors: Tensor, { starts, endRows }: DialogueLayout): { utterances: Tensor; contexts: Tensor } {
    const { utterance, context } = this;
    const states = reshape(readUtterances(utterance, vectors, starts), [-1, utterance.hiddenSize]);
    const utterances = gather(states, endRows);
    const { outputs } = context.forward(utterances);
    return { utterances, contexts: concat([zeros([1, ...outputs.shape.slice(1)]), outputs]) };
  }
}

/**
 * The hierarchical recurrent encoder-decoder (Serban et al. 2016, Building end-to-end dialogue systems using generative hierarchical neural network
 * models): the decoder of an utterance is told the state of a network that has read all utterances before, one step for each.
 */
export class Hred extends PlainDialogueModel {
  readonly encoder: HierarchicalEncoder;

  constructor(options: HredOptions) {
    checkOptions("Hred", options, { ...dialogueOptions, encoderSize: "required", contextSize: "required" });
    super(pickOptions(options, dialogueOptions), options.contextSize);
    this.encoder = new HierarchicalEncoder(options.size, options.encoderSize, options.contextSize);
  }

  contexts(dialogues: Dialogues): Tensor {
    const layout = this.layout(dialogues);
    return this.encoder.forward(this.vectorsOf(layout.words), layout).contexts;
  }
}
