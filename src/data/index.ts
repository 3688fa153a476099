export { AliasTable } from "./aliasTable.js";
export * as augment from "./augment/index.js";
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
export { type HuffmanTree, huffmanTree } from "./huffman.js";
export { japaneseWords } from "./japaneseWords.js";
export { LabelEncoder } from "./labelEncoder.js";
export { type MelBands, type MelFilterOptions, type MelSpectrogramOptions, melFilterBank, melSpectrogram } from "./mel.js";
export { muLawDecode, muLawEncode } from "./muLaw.js";
export { resampleSound } from "./resampleSound.js";
export { isWord, sentencesOf, type Token } from "./sentences.js";
export { type FrameOptions, type SpectrogramOptions, spectrogram, stft } from "./spectrogram.js";
export { StandardScaler } from "./standardScaler.js";
export { hashedSubwords, type SubwordOptions } from "./subwords.js";
export { type CsvOptions, parseCsv, Table } from "./table.js";
export { type TensorBatchOptions, TensorDataset } from "./tensorDataset.js";
export { type Split, type SplitOptions, trainTestSplit } from "./trainTestSplit.js";
export { type CorruptedSentence, corruptSentence, type TypoOptions } from "./typos.js";
export { sentenceSpecials, Vocabulary, type VocabularyOptions } from "./vocabulary.js";
export { readWav, type Sound, type WavFormat, writeWav } from "./wav.js";
export { type StretchOptions, type WordStretch, wordStretches } from "./wordStretches.js";
