import type { Node, Tensor } from "../graph/tensor.js";
import { rewrite, topologicalOrder } from "../graph/walk.js";
import { isNodeOf } from "../ops/match.js";
import { applyAll } from "../ops/operator.js";
import { Body, loops, type ScanAttributes } from "../ops/scan.js";

/** Loops that become one. */
interface Shared {
  readonly attributes: ScanAttributes;
  /** What any of them gives out of a step beside the carry. */
  readonly given: Set<Tensor>;
  made?: readonly Tensor[];
}

/**
 * Makes one loop of those with the same inputs whose steps are the same, which gives out what any of them does. The gradient of a loop makes such a
 * loop: it needs the outputs, and values of each step besides; several gradients need several of these. Runs before other passes, while such loops
 * have identical inputs.
 */
export function shareLoops(outputs: readonly Tensor[]): readonly Tensor[] {
  const ids = new Map<Tensor, number>();
  const idOf = (x: Tensor) => {
    const id = ids.get(x) ?? ids.size;
    ids.set(x, id);
    return id;
  };
  const keyOf = (node: Node) => (isNodeOf(node, loops.Scan) ? `${node.attributes.body.origin}(${node.inputs.map(idOf)})` : "");
  const all = new Map<string, Shared>();
  for (const node of topologicalOrder(outputs)) {
    if (!isNodeOf(node, loops.Scan)) continue;
    const { attributes } = node;
    const shared = all.get(keyOf(node)) ?? { attributes, given: new Set<Tensor>() };
    for (const output of attributes.body.outputs.slice(attributes.carries)) shared.given.add(output);
    all.set(keyOf(node), shared);
  }
  if (all.size === 0) return outputs;
  return rewrite(outputs, (node, inputs) => {
    const shared = all.get(keyOf(node));
    if (!shared || !isNodeOf(node, loops.Scan)) return undefined;
    const { attributes, given } = shared;
    const { body, carries } = attributes;
    const values = [...body.outputs.slice(0, carries), ...given];
    shared.made ??= applyAll(loops.Scan, inputs, { ...attributes, body: new Body(body.inputs, values, body.origin) });
    const made = shared.made;
    return node.attributes.body.outputs.map((output, i) => made[i < carries ? i : values.lastIndexOf(output)] as Tensor);
  });
}
