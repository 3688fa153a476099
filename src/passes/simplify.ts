import { asOperands, operatorOf } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/** Replaces a node by the simpler equivalent that its operator declares. */
export const simplify: Rule = (node, inputs) => {
  const simpler = operatorOf(node).simplify?.(asOperands(inputs), node.attributes);
  return simpler && [simpler];
};
