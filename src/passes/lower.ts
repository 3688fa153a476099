import type { Tensor } from "../graph/tensor.js";
import { type Operands, operatorOf } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/** Replaces every operator that the target has no kernel of by what it is made of. */
export const lower: Rule = (node, inputs, target) => {
  const lowered = operatorOf(node).lower?.(inputs as unknown as Operands, node.attributes, target);
  return lowered && ([lowered].flat() as Tensor[]);
};
