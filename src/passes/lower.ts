import type { Tensor } from "../graph/tensor.js";
import { asOperands, operatorOf } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/** Replaces every operator for which the target has no kernel by its decomposition. */
export const lower: Rule = (node, inputs, target) => {
  const { decompose, type } = operatorOf(node);
  if (!decompose || target.has({ type, inputs, attributes: node.attributes })) return undefined;
  const made = decompose(asOperands(inputs), node.attributes, target);
  return made && ([made].flat() as Tensor[]);
};
