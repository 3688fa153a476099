export { type BatchOptions, batches, padSequences, shuffledIndices } from "./batches.js";
export {
  type BucketedBatch,
  type BucketOptions,
  batchShapes,
  bucketedBatches,
  lengthBuckets,
  type PaddedLengths,
} from "./buckets.js";
export { BytePairEncoding } from "./bytePair.js";
export { encodeWords, englishWords } from "./encodeWords.js";
export { japaneseWords } from "./japaneseWords.js";
export { isWord, sentencesOf, type Token } from "./sentences.js";
export { type CorruptedSentence, corruptSentence, type TypoOptions } from "./typos.js";
export { sentenceSpecials, Vocabulary, type VocabularyOptions } from "./vocabulary.js";
