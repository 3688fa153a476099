import { scan } from "../autodiff/scan.js";
import type { DecoderStep } from "../decode/decoder.js";
import { check } from "../graph/error.js";
import type { OptionNames } from "../graph/options.js";
import { sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { isTraining } from "../graph/trace.js";
import { mapTree } from "../graph/tree.js";
import { Variable } from "../graph/variable.js";
import { Dropout } from "../nn/dropout.js";
import { Embedding } from "../nn/embedding.js";
import { normal } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { GruCell } from "../nn/recurrentCell.js";
import { type SampledWords, sampledCrossEntropy } from "../nn/sampledCrossEntropy.js";
import { add, minimum, mul, sub, where } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { equal, less, logicalNot } from "../ops/compare.js";
import { arange, full, zeros } from "../ops/create.js";
import { tanh } from "../ops/elementary.js";
import { gather } from "../ops/indexing.js";
import { logicalAnd } from "../ops/logic.js";
import { crossEntropy } from "../ops/loss.js";
import { matmul } from "../ops/matmul.js";
import { random } from "../ops/random.js";
import { cumulativeSum, sum } from "../ops/reduce.js";
import { reshape, transpose, unsqueeze } from "../ops/shapes.js";
import { concat, slice } from "../ops/slicing.js";

/** Dialogues as rows of words. */
export interface Dialogues {
  /** int32 `[batch, words]`: the utterances one after the other, each with its end mark, then padding. */
  readonly words: Tensor;
  /** int32 `[batch, turns]`: the places of the end marks in `words`; 0 for turns that a dialogue lacks. */
  readonly ends: Tensor;
}

/** Sizes and settings that all models of dialogues share. */
export interface DialogueOptions {
  readonly vocabularySize: number;
  /** Of the words' vectors, which are also the weights of the output. */
  readonly size: number;
  /** Of the network that writes utterances. */
  readonly hiddenSize: number;
  /** The id of the mark that ends an utterance. */
  readonly end: number;
  /** The id of unknown words. */
  readonly unknown: number;
  /** The id of padding, by default 0. */
  readonly padding?: number;
  /** The probability of dropout of words' vectors and before the output. */
  readonly dropout?: number;
  /** The probability that a word is unknown to the network that writes the next one, while training (Bowman et al. 2016, section 3.1). */
  readonly wordDropout?: number;
  /** The words that the softmax is over while training, whose ids go by frequency; by default all. See {@link sampledCrossEntropy}. */
  readonly sampled?: SampledWords;
}

/** The names of the options of every model of dialogues. */
export const dialogueOptions: OptionNames<DialogueOptions> = {
  vocabularySize: "required",
  size: "required",
  hiddenSize: "required",
  end: "required",
  unknown: "required",
  padding: "optional",
  dropout: "optional",
  wordDropout: "optional",
  sampled: "optional",
};

/** Where the words of dialogues belong. The first axis is time, as in all that is computed from it. */
export interface DialogueLayout {
  /** int32 `[words, batch]` */
  readonly words: Tensor;
  /** int32 `[words, batch]`: the word before each; before the first one an end mark. */
  readonly before: Tensor;
  /** Bool `[words, batch]`: whether an utterance starts here. */
  readonly starts: Tensor;
  /** int32 `[words, batch]`: the row of each word's turn among `turns * batch`. */
  readonly turnRows: Tensor;
  /** int32 `[turns, batch]`: the row of each end mark among `words * batch`. */
  readonly endRows: Tensor;
  /** Bool `[turns, batch]`: whether there is such a turn. */
  readonly isTurn: Tensor;
}

/** What is carried from word to word of an utterance. */
export interface UtteranceState {
  /** `[rows, hiddenSize]` */
  readonly hidden: Tensor;
  /** What each word's vector is added to, `[rows, size]`. */
  readonly told: Tensor;
}

/**
 * What models of dialogues have in common: words' vectors, and a GRU that writes an utterance given a vector of what it answers, its condition. The
 * condition makes the first state and is added to the vector of every word. An utterance begins after the end mark of the one before.
 * A dialogue is read as one row of words, in which networks start anew at each utterance: so no utterance is padded, only dialogues are.
 */
export abstract class DialogueModel extends Module {
  readonly vectors: Embedding;
  /** The first state of the decoder, from the condition. */
  readonly first: Linear;
  /** What each word is added to, from the condition. */
  readonly told: Linear;
  readonly decoder: GruCell;
  /** To the space of the words' vectors. */
  readonly output: Linear;
  /** `[vocabularySize]` */
  readonly bias: Variable;
  readonly dropout: Dropout;

  /** @param conditionSize the size of what the decoder knows of an utterance */
  protected constructor(
    readonly settings: DialogueOptions,
    conditionSize: number,
  ) {
    super();
    const { vocabularySize, size, hiddenSize, dropout = 0, wordDropout = 0 } = settings;
    const { end, padding = 0 } = settings;
    check(end !== padding, () => `${this.constructor.name}: end and padding are both ${end}: expected two ids`);
    check(wordDropout >= 0 && wordDropout <= 1, () => `${this.constructor.name}: wordDropout ${wordDropout}: expected 0 to 1`);
    this.vectors = new Embedding(vocabularySize, size, { weightInitialiser: normal(0, 0.1) });
    this.first = new Linear(conditionSize, hiddenSize);
    this.told = new Linear(conditionSize, size);
    this.decoder = new GruCell(size, hiddenSize);
    this.output = new Linear(hiddenSize, size);
    this.bias = new Variable(zeros([vocabularySize]));
    this.dropout = new Dropout(dropout);
  }

  /** What the words before each utterance, and before the one after the last, tell of it: `[turns + 1, batch, contextSize]`. */
  abstract contexts(dialogues: Dialogues): Tensor;

  /** The condition of utterances that answer contexts `[rows, contextSize]`: `[rows, conditionSize]`. */
  abstract condition(contexts: Tensor): Tensor;

  /** Starts to write an utterance for each condition `[rows, conditionSize]`; the first token is the end mark. */
  start(conditions: Tensor): UtteranceState {
    return { hidden: tanh(this.first.forward(conditions)), told: this.told.forward(conditions) };
  }

  /** One more word of each utterance; see {@link DecoderStep}. */
  decoderStep(tokens: Tensor, { hidden, told }: UtteranceState): ReturnType<DecoderStep<UtteranceState>> {
    const next = this.decoder.forward(add(this.vectorsOf(tokens), told), { hidden });
    return { logits: this.logits(this.toWords(next.hidden)), state: { hidden: next.hidden, told } };
  }

  /** @throws KasaneError where the shapes do not fit each other */
  protected layout({ words, ends }: Dialogues): DialogueLayout {
    const { end } = this.settings;
    check(
      words.rank === 2 && ends.rank === 2 && words.shape[0] === ends.shape[0],
      () => `got words ${showShape(words.shape)} and ends ${showShape(ends.shape)}, expected [batch, words] and [batch, turns]`,
    );
    const [batch, turns] = ends.shape as [number, number];
    const inTime = transpose(words);
    const before = concat([full([1, batch], end, "int32"), slice(inTime, [[0, -1]])]);
    const starts = equal(before, end);
    // Padding belongs to no turn: it is counted to the last, and adds nothing there.
    const turn = minimum(sub(cumulativeSum(cast(starts, "int32"), { axis: 0 }), 1), turns - 1);
    const isEnd = cast(equal(inTime, end), "int32");
    return {
      words: inTime,
      before,
      starts,
      turnRows: add(mul(turn, batch), arange(batch)),
      endRows: add(mul(transpose(ends), batch), arange(batch)),
      isTurn: less(unsqueeze(arange(turns), { axis: 1 }), sum(isEnd, { axis: 0, keepDims: true })),
    };
  }

  /** Vectors of words `[...]`: `[..., size]`. */
  protected vectorsOf(words: Tensor): Tensor {
    return this.dropout.forward(this.vectors.forward(words));
  }

  /**
   * The cross entropy of every word and end mark, given the words before it, in nats: `[words, batch]`, 0 at padding.
   * @param conditions `[turns, batch, conditionSize]`
   */
  protected crossEntropies(layout: DialogueLayout, conditions: Tensor): Tensor {
    const { end, unknown, padding = 0, hiddenSize, wordDropout = 0 } = this.settings;
    const { words, before, starts, turnRows } = layout;
    const [steps, batch] = words.shape as [number, number];
    const { hidden, told } = this.start(reshape(conditions, [-1, conditions.shape[2] as number]));
    const isHidden = logicalAnd(less(random.uniform(before.shape), wordDropout), logicalNot(equal(before, end)));
    const read = isTraining() && wordDropout > 0 ? where(isHidden, unknown, before) : before;
    const vectors = add(this.vectorsOf(read), gather(told, turnRows));
    const states = readUtterances(this.decoder, vectors, starts, gather(hidden, turnRows));
    const losses = this.crossEntropyOf(this.toWords(reshape(states, [steps * batch, hiddenSize])), reshape(words, [-1]));
    return where(equal(words, padding), 0, reshape(losses, [steps, batch]));
  }

  /** What predicts the next word after states `[rows, hiddenSize]`: `[rows, size]`. */
  private toWords(hidden: Tensor): Tensor {
    return this.dropout.forward(this.output.forward(hidden));
  }

  /** The scores of all words, `[rows, vocabularySize]`: the products of `[rows, size]` with their vectors. */
  protected logits(x: Tensor): Tensor {
    return add(matmul(x, transpose(this.vectors.weight)), this.bias);
  }

  /** The cross entropy of words `[rows]` by such products, `[rows]`. */
  protected crossEntropyOf(x: Tensor, words: Tensor): Tensor {
    const { sampled } = this.settings;
    if (isTraining() && sampled) return sampledCrossEntropy(x, words, this.vectors.weight, this.bias, sampled);
    return crossEntropy(this.logits(x), words, { reduction: "none" });
  }
}

/** A model of dialogues without chance: what it knows of an utterance is what the words before it tell. */
export abstract class PlainDialogueModel extends DialogueModel {
  condition(contexts: Tensor): Tensor {
    return contexts;
  }

  /** The cross entropy of every word and end mark, in nats: `[words, batch]`, 0 at padding. */
  forward(dialogues: Dialogues): Tensor {
    return this.crossEntropies(this.layout(dialogues), slice(this.contexts(dialogues), [[0, -1]]));
  }
}

/**
 * The hidden states `[words, batch, hiddenSize]` of a cell that reads `[words, batch, inputSize]`.
 * @param starts bool `[words, batch]`: where it starts anew, from zeros or from the states of `first` there; by default it never does
 * @param first `[words, batch, hiddenSize]`
 */
export function readUtterances(cell: GruCell, x: Tensor, starts?: Tensor, first?: Tensor): Tensor {
  const [steps, batch, size] = x.shape as [number, number, number];
  check(!first || sameShape(first.shape, [steps, batch, cell.hiddenSize]), () => `got first states ${showShape(first?.shape ?? [])}`);
  const rows = cell.project(reshape(x, [steps * batch, size]));
  const projected = mapTree(rows, (part) => reshape(part, [steps, batch, part.shape[1] as number]));
  const { step } = cell.recurrence();
  const start = starts && unsqueeze(starts, { axis: 2 });
  return scan(
    ({ hidden }, slices) => {
      const from = slices.start ? where(slices.start, slices.first ?? 0, hidden) : hidden;
      const next = step(slices.projected, { hidden: from });
      return { carry: next, outputs: next.hidden };
    },
    cell.zeroState(batch, x.dtype),
    { projected, start, first },
  ).outputs;
}
