import type { Node, Tensor } from "../graph/tensor.js";
import { rewrite, topologicalOrder } from "../graph/walk.js";
import { applyAll, operatorOf } from "../ops/operator.js";

const alternativesOf = (node: Node): number => operatorOf(node).alternatives?.(node.attributes) ?? 0;

/**
 * An operator may bring its outputs as other operators compute them. Keeps those where another part of the graph, such as a gradient, uses values from
 * among them; else keeps the operator.
 */
export function selectImplementation(outputs: readonly Tensor[]): readonly Tensor[] {
  const order = topologicalOrder(outputs);
  const whole = order.filter((node) => alternativesOf(node) > 0);
  if (whole.length === 0) return outputs;

  // The nodes that are computed in any case.
  const needed = new Set<Node>();
  const pending: Tensor[] = [...outputs];
  for (let x = pending.pop(); x; x = pending.pop()) {
    if (x.source.kind !== "node" || needed.has(x.source)) continue;
    needed.add(x.source);
    pending.push(...x.source.inputs.slice(alternativesOf(x.source)));
  }
  return rewrite(outputs, (node, inputs) => {
    const count = alternativesOf(node);
    if (count === 0) return undefined;
    const outside = new Set(topologicalOrder(node.inputs.slice(count)));
    const within = topologicalOrder(node.inputs.slice(0, count)).filter((each) => !outside.has(each));
    if (within.some((each) => needed.has(each))) return inputs.slice(0, count);
    return applyAll(operatorOf(node), inputs.slice(count), { ...node.attributes, alternatives: 0 });
  });
}
