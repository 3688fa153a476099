import { customGradient } from "../autodiff/custom.js";
import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Embedding } from "../nn/embedding.js";
import { uniform, zeros as zeroWeights } from "../nn/init.js";
import { Module } from "../nn/module.js";
import { checkSizes } from "../nn/sizes.js";
import { mul, sign } from "../ops/arithmetic.js";
import { checkTensors } from "../ops/constants.js";
import { zeros } from "../ops/create.js";
import { addRows, checkClasses, gather, lookUp } from "../ops/indexing.js";
import { binaryCrossEntropy } from "../ops/loss.js";
import { matmul } from "../ops/matmul.js";
import { sum } from "../ops/reduce.js";
import { expand, transpose, unsqueeze } from "../ops/shapes.js";

/** Settings of a {@link Word2vec}. */
export interface Word2vecOptions {
  /** The number of vectors that words are made of: one a word, and with subwords one for each of their buckets. */
  readonly inputs: number;
  /** The number of vectors that predict: one a word, or one for each inner node of a tree of words. */
  readonly outputs: number;
  /** Numbers in a vector. */
  readonly size: number;
}

/** What words are made of, where a word is the mean of several vectors: those of its parts. */
export interface WordParts {
  /** `[parts]`, rows of the table of inputs. */
  readonly rows: Tensor;
  /** `[parts]`, the word that each is a part of: an index from 0. Rows that only fill up the array are parts of a word that no text has. */
  readonly words: Tensor;
  /** `[words, 1]`, one over the number of parts of each word. */
  readonly shares: Tensor;
}

/** What is learnt from at once: groups of texts that share what they predict. */
export interface Word2vecBatch {
  /** `[groups, places]`: the words that are read: rows of the table of inputs, or with `parts` words of these. */
  readonly inputs: Tensor;
  /** `[groups, texts, places]`: with it each text is a mean of words, such as those of a context; without it, every word is a text. */
  readonly means?: Tensor;
  readonly parts?: WordParts;
  /** `[groups, outcomes]`, rows of the table of outputs. */
  readonly outcomes: Tensor;
  /** `[groups, outcomes]`: the share that each outcome's vector takes of its gradient; by default 1. */
  readonly shares?: Tensor;
  /** 1 for outcomes that texts are to be told by, 0 for those that they are to be told from: `[groups or 1, texts or 1, outcomes]`. */
  readonly targets: Tensor;
  /** `[groups, texts, outcomes]`: how often each text and outcome count as a pair; 0 for pairs that are none. */
  readonly weights: Tensor;
}

/**
 * Vectors of words, learnt by telling what stands near them from what does not (Mikolov et al. 2013, Distributed representations of words and
 * phrases and their compositionality). What is read and what is told apart is up to the batch: a word and those around it (skip-gram) or the mean
 * of these and the word (CBOW), against words drawn at random (negative sampling) or along the nodes of a tree (hierarchical softmax). Many texts
 * and outcomes share one product (Ji et al. 2016, Parallelizing word2vec in shared and distributed memory).
 */
export class Word2vec extends Module {
  /** `[inputs, size]`, the vectors that are kept. */
  readonly input: Embedding;
  /** `[outputs, size]` */
  readonly output: Embedding;

  constructor(options: Word2vecOptions) {
    super();
    checkOptions("Word2vec", options, { inputs: "required", outputs: "required", size: "required" });
    const { inputs, outputs, size } = options;
    checkSizes("Word2vec", { inputs, outputs, size });
    this.input = new Embedding(inputs, size, { weightInitialiser: uniform(-1 / size, 1 / size) });
    this.output = new Embedding(outputs, size, { weightInitialiser: zeroWeights });
  }

  /**
   * The scores of all pairs of a text and an outcome of its group, `[groups, texts, outcomes]`. All see the tables as they are before the step. What
   * is in very many of its pairs, such as the root of a tree of words, must then take a share of their gradients: their sum would throw it far
   * beyond where pair after pair would lead it.
   */
  forward({ inputs, means, parts, outcomes, shares }: Word2vecBatch): Tensor {
    const words = parts ? lookUp(this.words(parts), inputs) : this.input.forward(inputs);
    const texts = means ? meanOf(words, means) : words;
    const vectors = this.output.forward(outcomes);
    return shares ? slowScores(texts, vectors, shares) : scores(texts, vectors);
  }

  /** The vectors of words that are made of parts, `[words, size]`. */
  words({ rows, words, shares }: WordParts): Tensor {
    checkTensors("Word2vec", rows, words, shares);
    check(
      sameShape(rows.shape, words.shape) && rows.rank === 1,
      () => `Word2vec: the rows of parts are ${showShape(rows.shape)}, their words ${showShape(words.shape)}: expected [parts] twice`,
    );
    return meanOfParts(this.input.forward(rows), checkClasses("Word2vec", words, shares.shape[0] as number), shares);
  }
}

/**
 * `Σ weight (ln(1 + eˣ) - x target)` over all pairs of texts and outcomes, a scalar.
 * @param logits of {@link Word2vec.forward}; targets and weights are those of its batch
 */
export function pairLoss(logits: Tensor, { targets, weights }: Pick<Word2vecBatch, "targets" | "weights">): Tensor {
  return sum(mul(binaryCrossEntropy(logits, expand(targets, logits.shape), { reduction: "none" }), weights));
}

// The gradient of a mean of n vectors is g / n for each. Here it is g, as in the authors' program: a word in a long context learns as much as one in
// a short one.

/** `[groups, texts, size]`, from words `[groups, places, size]` and the share of each place in each text. */
const meanOf = customGradient(
  (words: Tensor, shares: Tensor) => matmul(shares, words),
  (gradient, [, shares]) => [matmul(transpose(sign(shares)), gradient), undefined],
);

/** `[groups, texts, outcomes]`, from texts `[groups, texts, size]` and vectors `[groups, outcomes, size]`. */
const scores = (texts: Tensor, vectors: Tensor): Tensor => matmul(texts, transpose(vectors));

/** {@link scores} of vectors that take shares `[groups, outcomes]` of their gradients. */
const slowScores = customGradient(
  (texts: Tensor, vectors: Tensor, _: Tensor) => scores(texts, vectors),
  (gradient, [texts, vectors, shares]) => [
    matmul(gradient, vectors),
    // Multiplied before the product there are fewer numbers.
    matmul(transpose(mul(gradient, unsqueeze(shares, { axis: 1 }))), texts),
    undefined,
  ],
);

/** `[words, size]`, from parts `[parts, size]`, the word of each, and one over the number of parts of each word. */
const meanOfParts = customGradient(
  (parts: Tensor, words: Tensor, shares: Tensor) =>
    mul(addRows(zeros([shares.shape[0] as number, parts.shape[1] as number], parts.dtype), words, parts), shares),
  (gradient, [, words]) => [gather(gradient, words), undefined, undefined],
);
