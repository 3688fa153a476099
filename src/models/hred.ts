import { checkOptions, type OptionNames, pickOptions } from "../graph/options.js";
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
  /** Whether the decoder is told, beside the context, what the first network made of the last utterance, past the second. */
  readonly direct?: boolean;
}

/** The names of the options of an {@link Hred}. */
export const hredOptions: OptionNames<HredOptions> = {
  ...dialogueOptions,
  encoderSize: "required",
  contextSize: "required",
  direct: "optional",
};

/** How wide what the decoder is told of the words before is. */
export const toldSize = ({ encoderSize, contextSize, direct = false }: HredOptions): number => contextSize + (direct ? encoderSize : 0);

/** Reads a dialogue in two levels: a GRU over the words of each utterance, and one over its last states, one an utterance. */
export class HierarchicalEncoder extends Module {
  readonly utterance: GruCell;
  readonly context: Gru;
  private readonly direct: boolean;

  constructor({ size, encoderSize, contextSize, direct = false }: HredOptions) {
    super();
    this.direct = direct;
    this.utterance = new GruCell(size, encoderSize);
    this.context = new Gru(encoderSize, contextSize);
  }

  /**
   * @param vectors of the words, `[words, batch, size]`
   * @returns what each utterance says, `[turns, batch, encoderSize]`, and what is known before each and after the last, `[turns + 1, batch, toldSize]`
   */
  forward(vectors: Tensor, { starts, endRows }: DialogueLayout): { utterances: Tensor; contexts: Tensor } {
    const { utterance, context } = this;
    const states = reshape(readUtterances(utterance, vectors, starts), [-1, utterance.hiddenSize]);
    const utterances = gather(states, endRows);
    const { outputs } = context.forward(utterances);
    const told = this.direct ? concat([outputs, utterances], { axis: 2 }) : outputs;
    return { utterances, contexts: concat([zeros([1, ...told.shape.slice(1)]), told]) };
  }
}

/**
 * The hierarchical recurrent encoder-decoder (Serban et al. 2016, Building end-to-end dialogue systems using generative hierarchical neural network
 * models): the decoder of an utterance is told the state of a network that has read all utterances before, one step for each.
 */
export class Hred extends PlainDialogueModel {
  readonly encoder: HierarchicalEncoder;

  constructor(options: HredOptions) {
    checkOptions("Hred", options, hredOptions);
    super(pickOptions(options, dialogueOptions), toldSize(options));
    this.encoder = new HierarchicalEncoder(options);
  }

  contexts(dialogues: Dialogues): Tensor {
    const layout = this.layout(dialogues);
    return this.encoder.forward(this.vectorsOf(layout.words), layout).contexts;
  }
}
