import type { Experiment } from "./experiment.js";
import { binaryAddition } from "./recurrent/binary-addition.js";
import { longMemory } from "./recurrent/long-memory.js";
import { lstmVsGru } from "./recurrent/lstm-vs-gru.js";
import { nextWord } from "./recurrent/next-word.js";
import { predictSin } from "./recurrent/predict-sin.js";
import { ptb } from "./recurrent/ptb.js";
import { typoDetection } from "./recurrent/typo-detection.js";
import { addition } from "./sequence/addition.js";
import { pronounce } from "./sequence/pronounce.js";
import { reverse } from "./sequence/reverse.js";
import { translate } from "./sequence/translate.js";
import { translateRnn } from "./sequence/translate-rnn.js";

/** Every experiment that the command knows, in the order of the list. */
export const experiments: readonly Experiment[] = [
  binaryAddition,
  predictSin,
  nextWord,
  longMemory,
  lstmVsGru,
  ptb,
  typoDetection,
  addition,
  pronounce,
  reverse,
  translate,
  translateRnn,
];
