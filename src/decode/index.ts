export { type BeamOptions, beamSearch, type RankedHypothesis } from "./beamSearch.js";
export type { DecodeOptions, Decoder, DecoderStep, Hypothesis } from "./decoder.js";
export { greedy, type SampleOptions, sample } from "./stepByStep.js";
