import { makeNode, type Node, type Tensor } from "./tensor.js";

/** The nodes that `outputs` need, every node after those that it uses. */
export function topologicalOrder(outputs: readonly Tensor[]): Node[] {
  // Ids ascend in the order of creation, and an immutable value can only be made of older ones.
  const seen = new Set<Node>();
  const pending = outputs.map((tensor) => tensor.source);
  for (let source = pending.pop(); source; source = pending.pop()) {
    if (source.kind !== "node" || seen.has(source)) continue;
    seen.add(source);
    for (const input of source.inputs) pending.push(input.source);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** The leaves that `outputs` need, in the order in which they are first used. */
export function leavesOf(outputs: readonly Tensor[]): Tensor[] {
  const leaves = new Set<Tensor>();
  for (const node of topologicalOrder(outputs)) {
    for (const input of node.inputs) if (input.source.kind !== "node") leaves.add(input);
  }
  for (const output of outputs) if (output.source.kind !== "node") leaves.add(output);
  return [...leaves];
}

/** The outputs of `node` on other inputs of the same types: its own where the inputs are. */
export const withInputs = (node: Node, inputs: readonly Tensor[]): readonly Tensor[] =>
  inputs.every((input, i) => input === node.inputs[i])
    ? node.outputs
    : makeNode(node.operator, inputs, node.attributes, node.outputs, node.path);

/**
 * Rebuilds the graph of `outputs` from its leaves up.
 * @param rule given a node, its rebuilt inputs and what was rebuilt of any older tensor, returns its replacement outputs, or undefined to
 * keep the operator
 */
export function rewrite(
  outputs: readonly Tensor[],
  rule: (node: Node, inputs: readonly Tensor[], rebuiltOf: (tensor: Tensor) => Tensor) => readonly Tensor[] | undefined,
): Tensor[] {
  const rebuilt = new Map<Node, readonly Tensor[]>();
  const replace = (tensor: Tensor): Tensor =>
    tensor.source.kind === "node" ? ((rebuilt.get(tensor.source) as readonly Tensor[])[tensor.index] as Tensor) : tensor;
  for (const node of topologicalOrder(outputs)) {
    const inputs = node.inputs.map(replace);
    rebuilt.set(node, rule(node, inputs, replace) ?? withInputs(node, inputs));
  }
  return outputs.map(replace);
}

/** The graph of `outputs` with other leaves in place of those in `leaves`. */
export function substitute(outputs: readonly Tensor[], leaves: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  const replace = (x: Tensor) => leaves.get(x) ?? x;
  return rewrite(outputs, (node, inputs) => withInputs(node, inputs.map(replace))).map(replace);
}
