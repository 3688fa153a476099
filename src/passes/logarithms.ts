import { elementary } from "../ops/elementary.js";
import { isNodeOf } from "../ops/match.js";
import { asOperands, operatorOf } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/** Computes the logarithm of an operator's result as that operator declares it: a kernel may round a small result to 0. */
export const logarithms: Rule = (node, inputs) => {
  const source = isNodeOf(node, elementary.Log) ? inputs[0]?.source : undefined;
  if (source?.kind !== "node") return undefined;
  const exact = operatorOf(source).logarithm?.(asOperands(source.inputs), source.attributes);
  return exact && [exact];
};
