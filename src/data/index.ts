export { type BatchOptions, batches, padSequences, shuffledIndices } from "./batches.js";
export { type Dataset, type DatasetFile, type DatasetOptions, defaultCache, readDataset } from "./dataset.js";
export { pennTreebank } from "./datasets.js";
export { encodeWords, englishWords } from "./encodeWords.js";
export { readTar, readTarGz } from "./tar.js";
export { findTextFiles, readTexts } from "./textFiles.js";
export { Vocabulary, type VocabularyOptions } from "./vocabulary.js";
export { loadVocabulary, saveVocabulary } from "./vocabularyFile.js";
