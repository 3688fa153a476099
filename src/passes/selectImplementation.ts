import type { Node, Tensor } from "../graph/tensor.js";
import { rewrite, topologicalOrder } from "../graph/walk.js";
import { choices } from "../ops/choice.js";
import { isNodeOf } from "../ops/match.js";
import type { Target } from "../targets/target.js";

/**
 * Replaces each choice between an operator and a fallback by one of both. The operator is taken where the target has it and no other part of the
 * graph, such as a gradient, uses values from within the fallback.
 */
export function selectImplementation(outputs: readonly Tensor[], target: Target): readonly Tensor[] {
  const nodes: Node[] = topologicalOrder(outputs).filter((node) => isNodeOf(node, choices.Choice));
  if (nodes.length === 0) return outputs;
  const supported = new Set(nodes.filter((node) => preferred(node).every((x) => isInTarget(x, target))));
  const inputsOf = (node: Node) => {
    if (!isNodeOf(node, choices.Choice)) return node.inputs;
    return supported.has(node) ? preferred(node) : fallback(node);
  };

  // The nodes that are computed in any case.
  const needed = new Set<Node>();
  const pending: Tensor[] = [...outputs];
  for (let x = pending.pop(); x; x = pending.pop()) {
    if (x.source.kind !== "node" || needed.has(x.source)) continue;
    needed.add(x.source);
    pending.push(...inputsOf(x.source));
  }
  return rewrite(outputs, (node, inputs) => {
    if (!isNodeOf(node, choices.Choice)) return undefined;
    const count = node.outputs.length;
    const outside = new Set(topologicalOrder(preferred(node)));
    const within = topologicalOrder(fallback(node)).filter((each) => !outside.has(each));
    const isFallback = !supported.has(node) || within.some((each) => needed.has(each));
    return isFallback ? inputs.slice(0, count) : inputs.slice(count);
  });
}

/** The values of a choice by other operators. */
const fallback = ({ inputs, outputs }: Node): readonly Tensor[] => inputs.slice(0, outputs.length);

/** The values of a choice by its operator. */
const preferred = ({ inputs, outputs }: Node): readonly Tensor[] => inputs.slice(outputs.length);

const isInTarget = ({ source }: Tensor, target: Target): boolean =>
  source.kind !== "node" || target.has({ type: source.operator.type, inputs: source.inputs, attributes: source.attributes });
