export { type BeamOptions, beamSearch, type RankedHypothesis } from "./beamSearch.js";
export type { DecodeOptions, Decoder, DecoderStep, Hypothesis } from "./decoder.js";
export {
  type DelayedStep,
  type SampleSignalOptions,
  type SignalReader,
  type SignalReaderOptions,
  sampleSignal,
  signalReader,
} from "./signal.js";
export { greedy, type SampleOptions, sample } from "./stepByStep.js";
