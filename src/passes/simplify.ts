import { type Operands, operatorOf } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/** Replaces operators by what they themselves declare to be the same with less work. */
export const simplify: Rule = (node, inputs) => {
  const simpler = operatorOf(node).simplify?.(inputs as unknown as Operands, node.attributes);
  return simpler && [simpler];
};
