export { type BeamOptions, beamSearch, type RankedHypothesis } from "./beamSearch.js";
export type { DecodeOptions, DecoderStep, Hypothesis } from "./decoder.js";
export { type Decoder, greedy, type SampleOptions, sample } from "./stepByStep.js";
