import { elementary } from "../ops/elementary.js";
import { isNodeOf } from "../ops/match.js";
import { asOperands, operatorOf } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/** Takes the logarithm of what an operator computes as that operator declares it, since a kernel may round a small value to 0. */
export const logarithms: Rule = (node, inputs) => {
  const source = isNodeOf(node, elementary.Log) ? inputs[0]?.source : undefined;
  if (source?.kind !== "node") return undefined;
  const exact = operatorOf(source).logarithm?.(asOperands(source.inputs), source.attributes);
  return exact && [exact];
};
