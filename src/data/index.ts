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
export { type Dataset, type DatasetFile, type DatasetOptions, defaultCache, readDataset } from "./dataset.js";
export { pennTreebank, wikiText2 } from "./datasets.js";
export { encodeWords, englishWords } from "./encodeWords.js";
export { japaneseWords } from "./japaneseWords.js";
export { parallelSentences, type SentencePair, smallParallelEnJa } from "./parallelSentences.js";
export {
  cmudict,
  type Pronounced,
  type PronouncedParts,
  readCmudict,
  readSigmorphon,
  sigmorphonEnglish,
  withoutStress,
} from "./pronunciations.js";
export { isWord, sentencesOf, type Token } from "./sentences.js";
export { readTar, readTarGz } from "./tar.js";
export { findTextFiles, readTexts } from "./textFiles.js";
export { type CorruptedSentence, corruptSentence, type TypoOptions } from "./typos.js";
export { sentenceSpecials, Vocabulary, type VocabularyOptions } from "./vocabulary.js";
export { loadVocabulary, saveVocabulary } from "./vocabularyFile.js";
