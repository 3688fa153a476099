import { makeNode, type Node, type Tensor } from "./tensor.js";
import { atPath, rebuild } from "./trace.js";

/** The nodes that `outputs` need, every node after those that it uses; without those of ids before `start`. */
export function topologicalOrder(outputs: readonly Tensor[], start = 0): Node[] {
  // Ids ascend in the order of creation, and an immutable value can only be made of older ones.
  const seen = new Set<Node>();
  const pending = outputs.map((tensor) => tensor.source);
  for (let source = pending.pop(); source; source = pending.pop()) {
    if (source.kind !== "node" || source.id < start || seen.has(source)) continue;
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

/** How often each value is used: by a node, or as one of `outputs`. */
export function countUses(outputs: readonly Tensor[]): ReadonlyMap<Tensor, number> {
  const uses = new Map<Tensor, number>();
  for (const x of [...outputs, ...topologicalOrder(outputs).flatMap((node) => node.inputs)]) uses.set(x, (uses.get(x) ?? 0) + 1);
  return uses;
}

/** The nodes that use each tensor, in their order; one that uses it twice stands there twice. */
export function usersOf(nodes: readonly Node[]): ReadonlyMap<Tensor, readonly Node[]> {
  const users = new Map<Tensor, Node[]>();
  for (const node of nodes) {
    for (const x of node.inputs) {
      const known = users.get(x);
      if (known) known.push(node);
      else users.set(x, [node]);
    }
  }
  return users;
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
    rebuilt.set(node, atPath(node.path, () => rebuild(() => rule(node, inputs, replace))) ?? withInputs(node, inputs));
  }
  return outputs.map(replace);
}

/** The graph of `outputs` with other leaves in place of those in `leaves`. */
export function substitute(outputs: readonly Tensor[], leaves: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  const replace = (x: Tensor) => leaves.get(x) ?? x;
  return rewrite(outputs, (node, inputs) => withInputs(node, inputs.map(replace))).map(replace);
}

/** The nodes from `start` on that `outputs` need, and what those need from before: leaves and older values. */
export function nodesSince(start: number, outputs: readonly Tensor[]): { nodes: Node[]; borders: Tensor[] } {
  const nodes = topologicalOrder(outputs, start);
  const borders = new Set<Tensor>();
  const isBorder = ({ source }: Tensor) => source.kind !== "node" || source.id < start;
  for (const node of nodes) for (const input of node.inputs) if (isBorder(input)) borders.add(input);
  for (const output of outputs) if (isBorder(output)) borders.add(output);
  return { nodes, borders: [...borders] };
}

/** `outputs` once more: `nodes` again, on other values in place of those in `replacements`. */
export function replay(outputs: readonly Tensor[], nodes: readonly Node[], replacements: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  const copies = new Map(replacements);
  const copyOf = (x: Tensor) => copies.get(x) ?? x;
  for (const node of nodes) {
    const again = makeNode(node.operator, node.inputs.map(copyOf), node.attributes, node.outputs, node.path);
    node.outputs.forEach((output, i) => copies.set(output, again[i] as Tensor));
  }
  return outputs.map(copyOf);
}
