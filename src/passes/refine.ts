import { asOperands, operatorOf } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/** Computes a value as its operator declares that it is more exact: of a logarithm, a kernel may round the operand to 0. */
export const refine: Rule = (node, inputs) => {
  const refined = operatorOf(node).refine?.(asOperands(inputs), node.attributes);
  return refined && [refined];
};
