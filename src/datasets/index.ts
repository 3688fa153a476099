export { banking77, type LabelledTexts, readBanking77 } from "./banking77.js";
export {
  type ClassFolderOptions,
  findClassFolders,
  type LabelledFile,
  type LabelledPicture,
  readClassFolders,
  readPicture,
} from "./classFolders.js";
export { pennTreebank, wikiText2 } from "./corpora.js";
export { type Dataset, type DatasetFile, type DatasetOptions, defaultCache, readDataset } from "./dataset.js";
export { readIdx } from "./idx.js";
export { fashionMnist, fashionMnistClasses, type LabelledImages, mnist, readMnist } from "./mnist.js";
export { parallelSentences, type SentencePair, smallParallelEnJa } from "./parallelSentences.js";
export { type DetectionDataset, type DetectionSample, readPascalVoc } from "./pascalVoc.js";
export { type PixelCsvOptions, readPixelCsv } from "./pixelCsv.js";
export {
  cmudict,
  type Pronounced,
  type PronouncedParts,
  readCmudict,
  readSigmorphon,
  sigmorphonEnglish,
  withoutStress,
} from "./pronunciations.js";
export { readCsv } from "./readCsv.js";
export { readFiles } from "./readFiles.js";
export { readSegmented, type SegmentationDataset, type SegmentationSample } from "./segmented.js";
export { readSounds, readSpokenDigits, type SpokenDigit } from "./sounds.js";
export { readTar, readTarGz } from "./tar.js";
export { filesIn, findTextFiles, readTexts } from "./textFiles.js";
export { type AnalogyGroup, readAnalogies, readSimilarities, type SimilarPair, wordTests } from "./wordTests.js";
