export { type Bleu, type BleuOptions, corpusBleu, sentenceBleu } from "./bleu.js";
export { type BleuTokenization, bleuTokens } from "./bleuTokens.js";
export { bootstrap, type Interval } from "./bootstrap.js";
export { accuracy, Confusion, type ConfusionOptions, logLoss, perplexity, RunningMeans, topKAccuracy } from "./classification.js";
export { type AlignedTokens, type Alignment, align, editDistance, sequenceErrorRate, tokenErrorRate } from "./editDistance.js";
export { rocAuc, spearman } from "./ranking.js";
export { meanAbsoluteError, rootMeanSquaredError, rSquared } from "./regression.js";
