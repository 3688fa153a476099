export { type CheckpointNotes, loadCheckpoint, readCheckpointNotes, type Stateful, saveCheckpoint } from "./checkpoint.js";
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
