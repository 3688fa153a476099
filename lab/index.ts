export { z } from "zod";
export type { Context, PredictContext } from "./context.js";
export { defineExperiment, type Experiment, type Prediction } from "./experiment.js";
export { fittedTable } from "./layout.js";
export * as options from "./options.js";
export { type Chart, type Series, seriesOf } from "./plot/chart.js";
export type { RunConfig, RunFolder } from "./runFolder.js";
