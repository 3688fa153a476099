import type { Case } from "./case.js";
import { embedding } from "./embedding.js";
import { bidirectional, gru, lstm, lstmInference, pennTreebank, ragged } from "./language.js";
import { mlp, mlpInference } from "./mlp.js";
import { cnn, densenet, mobilenet, residualStack, resnet18, resnet18Inference, unet, wavenet } from "./networks.js";
import { binaryAddition, sine } from "./recurrence.js";
import { transformer } from "./transformer.js";

/** All cases, in the order that they are run in. */
export const cases: readonly Case[] = [
  binaryAddition,
  sine,
  mlp,
  lstm,
  pennTreebank,
  gru,
  bidirectional,
  ragged,
  transformer,
  embedding,
  cnn,
  residualStack,
  resnet18,
  mobilenet,
  densenet,
  unet,
  wavenet,
  mlpInference(1),
  mlpInference(256),
  lstmInference(1),
  lstmInference(256),
  resnet18Inference(1),
  resnet18Inference(16),
];
