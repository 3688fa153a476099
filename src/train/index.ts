export { type Bleu, type BleuOptions, corpusBleu, sentenceBleu } from "./bleu.js";
export { type BleuTokenization, bleuTokens } from "./bleuTokens.js";
export { bootstrap, type Interval } from "./bootstrap.js";
export { type CheckpointNotes, loadCheckpoint, readCheckpointNotes, type Stateful, saveCheckpoint } from "./checkpoint.js";
export { type AlignedTokens, type Alignment, align, editDistance, sequenceErrorRate, tokenErrorRate } from "./editDistance.js";
export { EventWriter } from "./events.js";
export { writeAtomically } from "./files.js";
export { type FitOptions, type FitResult, fit } from "./fit.js";
export { type InterruptWatch, watchInterrupt } from "./interrupt.js";
export { accuracy, Confusion, perplexity, RunningMeans } from "./metrics.js";
export { type Metrics, MetricsFile } from "./metricsFile.js";
export { encodePng, type Pixels } from "./png.js";
export { Progress, type ProgressOptions, type ProgressStream, showDuration, showFigures, type Work } from "./progress.js";
export {
  readSafetensors,
  readSafetensorsHeader,
  type SafetensorsHeader,
  type TensorEntry,
  writeSafetensors,
} from "./safetensors.js";
