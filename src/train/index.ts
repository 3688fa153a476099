export { Ahead, type AheadOptions } from "./ahead.js";
export { type CheckpointNotes, loadCheckpoint, readCheckpointNotes, type Stateful, saveCheckpoint } from "./checkpoint.js";
export { fit } from "./fit.js";
export type { FitCallbacks, FitEvents } from "./fitEvents.js";
export type { FitOptions, FitResult } from "./fitOptions.js";
export { exitCodeOf, type InterruptSignal, type InterruptWatch, watchInterrupt } from "./interrupt.js";
export { type Metrics, MetricsFile } from "./metricsFile.js";
export { Progress, type ProgressOptions, type ProgressStream, showDuration, showFigures, type Work } from "./progress.js";
