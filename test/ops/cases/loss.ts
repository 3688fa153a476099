import * as k from "kasane";
import { type Case, type CaseTable, constant, list, of, spread, whole } from "./case.js";

const logits = spread([4, 3]);
const targets = whole([2, 0, 1, 2]);
const classWeights = constant([0.5, 2, 1.25]);

const reductions = (
  call: (a: k.Tensor, b: k.Tensor, options?: { reduction?: k.Reduction }) => k.Tensor,
  a = spread([3, 4]),
  b = spread([3, 4]),
): Case[] => [
  of("as the mean", [a, b], (a, b) => call(a, b)),
  of("as the sum", [a, b], (a, b) => call(a, b, { reduction: "sum" })),
  of("of each", [a, b], (a, b) => call(a, b, { reduction: "none" })),
];

const probabilities = spread([3, 4], 0, 1);

/** Softmaxes and layer normalisation. */
export const normalize: CaseTable = {
  softmax: [
    of("along the last axis", [spread([2, 3, 4])], (x) => k.softmax(x)),
    of("along another axis", [spread([2, 3, 4])], (x) => k.softmax(x, { axis: 1 })),
    of("far from 0", [list([1000, 1001, -1000, -1001], [2, 2])], (x) => k.softmax(x)),
  ],
  logSoftmax: [
    of("along the last axis", [spread([2, 3, 4])], (x) => k.logSoftmax(x)),
    of("along another axis", [spread([2, 3, 4])], (x) => k.logSoftmax(x, { axis: 0 })),
    of("far from 0", [list([1000, 1001, -1000, -1001], [2, 2])], (x) => k.logSoftmax(x)),
  ],
  layerNorm: [
    of("over the last axis", [spread([2, 3, 4]), spread([4], 0.5, 2), spread([4])], (x, scale, shift) => k.layerNorm(x, scale, shift)),
    of("over two axes", [spread([2, 3, 4]), spread([3, 4], 0.5, 2), spread([3, 4])], (x, scale, shift) =>
      k.layerNorm(x, scale, shift, 1e-3),
    ),
  ],
};

/** Losses. */
export const loss: CaseTable = {
  crossEntropy: [
    of("as the mean", [logits, targets], (x, t) => k.crossEntropy(x, t)),
    of("as the sum", [logits, targets], (x, t) => k.crossEntropy(x, t, { reduction: "sum" })),
    of("of each", [logits, targets], (x, t) => k.crossEntropy(x, t, { reduction: "none" })),
    of("of sequences", [spread([2, 2, 3]), whole([2, 0, 1, 2], [2, 2])], (x, t) => k.crossEntropy(x, t)),
    of("with an ignored index", [logits, whole([2, -100, 1, -100])], (x, t) => k.crossEntropy(x, t, { ignoreIndex: -100 })),
    of("with an ignored class", [logits, targets], (x, t) => k.crossEntropy(x, t, { ignoreIndex: 2 })),
    of("with label smoothing", [logits, targets], (x, t) => k.crossEntropy(x, t, { labelSmoothing: 0.1 })),
    of("with class weights", [logits, targets, classWeights], (x, t, w) => k.crossEntropy(x, t, { classWeights: w })),
    of("with all of it", [logits, whole([2, -1, 1, 2]), classWeights], (x, t, w) =>
      k.crossEntropy(x, t, { ignoreIndex: -1, labelSmoothing: 0.2, classWeights: w }),
    ),
    of("with all of it, of each", [logits, whole([2, -1, 1, 2]), classWeights], (x, t, w) =>
      k.crossEntropy(x, t, { ignoreIndex: -1, labelSmoothing: 0.2, classWeights: w, reduction: "none" }),
    ),
    of("far from 0", [list([1000, 0, -1000, 1000], [2, 2]), whole([1, 1])], (x, t) => k.crossEntropy(x, t)),
  ],
  binaryCrossEntropy: [
    ...reductions(k.binaryCrossEntropy, logits, spread([4, 3], 0, 1)),
    of("far from 0", [list([-100, 100, 100, -100]), list([0, 0, 1, 1])], (x, t) => k.binaryCrossEntropy(x, t), { bent: true }),
  ],
  meanSquaredError: reductions(k.meanSquaredError),
  meanAbsoluteError: reductions(k.meanAbsoluteError),
  smoothL1: [
    ...reductions(k.smoothL1),
    of("of another border", [spread([3, 4]), spread([3, 4])], (a, b) => k.smoothL1(a, b, { beta: 0.4 })),
  ],
  focalLoss: [
    ...reductions(k.focalLoss, spread([3, 4]), probabilities),
    of("of other weights", [spread([3, 4]), probabilities], (a, b) => k.focalLoss(a, b, { alpha: 0.6, gamma: 3 })),
  ],
  tripletLoss: [
    of("as the mean", [spread([4, 3]), spread([4, 3]), spread([4, 3])], (a, p, n) => k.tripletLoss(a, p, n)),
    of("of each with another margin", [spread([4, 3]), spread([4, 3]), spread([4, 3])], (a, p, n) =>
      k.tripletLoss(a, p, n, { margin: 0.3, reduction: "none" }),
    ),
  ],
  diceLoss: [
    of("of rows", [logits, targets], (x, t) => k.diceLoss(x, t)),
    of("of an image with an ignored index, less smooth", [spread([2, 2, 3]), whole([2, 0, 255, 2], [2, 2])], (x, t) =>
      k.diceLoss(x, t, { ignoreIndex: 255, smooth: 0.1 }),
    ),
  ],
  lovaszSoftmax: [
    of("of rows", [logits, targets], (x, t) => k.lovaszSoftmax(x, t)),
    of("of an image with an ignored index", [spread([2, 3, 3]), whole([2, 0, 255, 2, 0, 0], [2, 3])], (x, t) =>
      k.lovaszSoftmax(x, t, { ignoreIndex: 255 }),
    ),
  ],
  huber: [...reductions(k.huber), of("of another delta", [spread([3, 4]), spread([3, 4])], (a, b) => k.huber(a, b, { delta: 0.4 }))],
  klDivergence: [
    of("as the mean", [spread([3, 4], -3, -0.5), probabilities], (x, t) => k.klDivergence(x, t)),
    of("as the sum", [spread([3, 4], -3, -0.5), probabilities], (x, t) => k.klDivergence(x, t, { reduction: "sum" })),
    of("of no probability", [list([-1, -2, -3]), constant([0.5, 0, 0.5])], (x, t) => k.klDivergence(x, t)),
  ],
  cosineSimilarity: [
    of("along the last axis", [spread([3, 4]), spread([3, 4])], (a, b) => k.cosineSimilarity(a, b)),
    of("along another axis", [spread([3, 4]), spread([3, 4])], (a, b) => k.cosineSimilarity(a, b, { axis: 0 })),
  ],
};
