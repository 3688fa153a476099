import type { Node, Tensor } from "../graph/tensor.js";
import { rewrite, topologicalOrder } from "../graph/walk.js";
import { isNodeOf } from "../ops/match.js";
import { applyAll, operatorOf } from "../ops/operator.js";
import { loops } from "../ops/scan.js";

/**
 * Makes one loop of those with the same inputs and the same leading outputs. The gradient of a loop is such a pair: it needs the loop's outputs and
 * more values of each step. Runs before other passes, while such loops have identical inputs.
 */
export function shareLoops(outputs: readonly Tensor[]): readonly Tensor[] {
  const ids = new Map<Tensor, number>();
  const idOf = (x: Tensor) => {
    const id = ids.get(x) ?? ids.size;
    ids.set(x, id);
    return id;
  };
  const keyOf = (node: Node) => {
    return isNodeOf(node, loops.Scan) ? `${node.attributes.body.origin}(${node.inputs.map(idOf)})` : undefined;
  };
  const fullest = new Map<string, Node>();
  for (const node of topologicalOrder(outputs)) {
    const key = keyOf(node);
    const known = key === undefined ? undefined : fullest.get(key);
    if (key !== undefined && node.outputs.length > (known?.outputs.length ?? 0)) fullest.set(key, node);
  }
  if (fullest.size === 0) return outputs;
  const made = new Map<Node, readonly Tensor[]>();
  return rewrite(outputs, (node, inputs) => {
    const key = keyOf(node);
    const full = key === undefined ? undefined : fullest.get(key);
    if (!full) return undefined;
    const results = made.get(full) ?? applyAll(operatorOf(full), inputs, full.attributes);
    made.set(full, results);
    return results;
  });
}
