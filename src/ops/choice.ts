import type { Tensor } from "../graph/tensor.js";
import { applyAll, declare, family } from "./operator.js";

/** Values that can be computed in two ways. */
export const choices = family({
  // Inputs: the values as the fallback computes them, then the same values by an operator. The pass selectImplementation leaves one of both. The
  // gradient goes through the fallback.
  Choice: declare({
    infer: (inputs) => inputs.slice(0, inputs.length / 2),
    kind: { is: "opaque" },
    gradient: (_, __, ___, ____, { gradients, index }) => gradients[index],
  }),
});

/** `values`, the outputs of one operator, for which a graph has `fallback` where the target lacks that operator or a gradient needs what is within. */
export const withFallback = (values: readonly Tensor[], fallback: readonly Tensor[]): readonly Tensor[] =>
  applyAll(choices.Choice, [...fallback, ...values]);
