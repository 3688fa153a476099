import { checkChoice, checkOptions, pickOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { GruCell } from "../nn/recurrentCell.js";
import { zeros } from "../ops/create.js";
import { gather } from "../ops/indexing.js";
import { reshape } from "../ops/shapes.js";
import { concat } from "../ops/slicing.js";
import { type DialogueOptions, type Dialogues, dialogueOptions, PlainDialogueModel, readUtterances } from "./dialogueModel.js";

/** Sizes and settings of a {@link FlatDialogueModel}. */
export interface FlatDialogueOptions extends DialogueOptions {
  /** Of the network that reads. */
  readonly encoderSize: number;
  /** What it reads before an utterance: the last one alone, or all from the first on as one sequence. */
  readonly reads: "last" | "all";
}

/**
 * A plain encoder-decoder for dialogues (Sutskever et al. 2014; Vinyals and Le 2015, A neural conversational model): the decoder of an
 * utterance is told the last state of one network over the words before it. A network that reads all words from the first on is run once over
 * a dialogue, since its states at the end marks are those that it would have reached on each of the contexts.
 */
export class FlatDialogueModel extends PlainDialogueModel {
  readonly encoder: GruCell;
  readonly reads: "last" | "all";

  constructor(options: FlatDialogueOptions) {
    const { encoderSize, reads } = options;
    checkOptions("FlatDialogueModel", options, { ...dialogueOptions, encoderSize: "required", reads: "required" });
    checkChoice("FlatDialogueModel", "reads", reads, ["last", "all"]);
    super(pickOptions(options, dialogueOptions), encoderSize);
    this.encoder = new GruCell(options.size, encoderSize);
    this.reads = reads;
  }

  contexts(dialogues: Dialogues): Tensor {
    const { words, starts, endRows } = this.layout(dialogues);
    const states = readUtterances(this.encoder, this.vectorsOf(words), this.reads === "last" ? starts : undefined);
    const outputs = gather(reshape(states, [-1, this.encoder.hiddenSize]), endRows);
    return concat([zeros([1, ...outputs.shape.slice(1)]), outputs]);
  }
}
