import type { Tensor } from "../graph/tensor.js";
import { channels } from "../ops/channelNorm.js";
import { isNodeOf } from "../ops/match.js";
import { asOperands } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/**
 * Takes batch normalisation apart: its multiplication and addition for each channel are one operator on blocked images, which a residual sum and an
 * activation go into, and its centred values are those that the variance and the gradient are of.
 */
export const openNormalization: Rule = (node, inputs) => {
  if (!isNodeOf(node, channels.BatchNormalization) || (inputs[0] as Tensor).dtype !== "float32") return undefined;
  const made = channels.BatchNormalization.decompose?.(asOperands(inputs), node.attributes);
  return made && ([made].flat() as Tensor[]);
};
