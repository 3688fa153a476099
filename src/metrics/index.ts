export { type Bleu, type BleuOptions, corpusBleu, sentenceBleu } from "./bleu.js";
export { type BleuTokenization, bleuTokens } from "./bleuTokens.js";
export { bootstrap, type Interval } from "./bootstrap.js";
export { accuracy, Confusion, perplexity, RunningMeans } from "./classification.js";
export { type AlignedTokens, type Alignment, align, editDistance, sequenceErrorRate, tokenErrorRate } from "./editDistance.js";
