import { asOperands, operatorOf } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/** Replaces operators by what they themselves declare to be the same with less work. */
export const simplify: Rule = (node, inputs) => {
  const simpler = operatorOf(node).simplify?.(asOperands(inputs), node.attributes);
  return simpler && [simpler];
};
