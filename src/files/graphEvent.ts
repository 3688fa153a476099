import { showShape } from "../graph/shape.js";
import type { Node, Tensor } from "../graph/tensor.js";
import { variableOf } from "../graph/variable.js";
import { leavesOf, topologicalOrder } from "../graph/walk.js";
import { bytes, integer, message } from "./protobuf.js";

/**
 * The graph of `outputs` as TensorFlow's GraphDef, which TensorBoard draws: a node for each operator and each leaf that is no
 * constant, in scopes named by the modules: `Mlp/layers/1/MatMul_7`.
 */
export function graphDefinition(outputs: readonly Tensor[]): Uint8Array {
  const names = new Map<Tensor, string>();
  const taken = new Set<string>();
  const nodes: Uint8Array[] = [];
  const unique = (name: string) => {
    let free = name;
    for (let i = 1; taken.has(free); i++) free = `${name}_${i}`;
    taken.add(free);
    return free;
  };
  const order = topologicalOrder(outputs);
  const firstUse = new Map<Tensor, Node>();
  for (const node of order) for (const input of node.inputs) if (!firstUse.has(input)) firstUse.set(input, node);
  for (const leaf of leavesOf(outputs)) {
    const variable = variableOf(leaf);
    if (leaf.source.kind === "data" && !variable) continue;
    const name = unique(scoped(firstUse.get(leaf)?.path ?? "", leafName(leaf)));
    names.set(leaf, name);
    nodes.push(nodeDefinition(name, variable ? "Variable" : leaf.source.kind, [], [leaf]));
  }
  for (const node of order) {
    const name = unique(scoped(node.path, node.operator.type));
    node.outputs.forEach((output, i) => names.set(output, i === 0 ? name : `${name}:${i}`));
    const inputs = node.inputs.flatMap((input) => names.get(input) ?? []);
    nodes.push(nodeDefinition(name, node.operator.type, inputs, node.outputs));
  }
  // The versions field, without which TensorBoard takes the graph for an outdated one.
  return message(...nodes.map((node) => bytes(1, node)), bytes(4, integer(1, 22)));
}

/** A leaf is in the scope of the module that uses it, so its name is the last field of a parameter's path. */
const leafName = (leaf: Tensor): string =>
  variableOf(leaf)?.name.split(/[./]/).pop() ?? (leaf.source.kind === "input" ? leaf.source.name : leaf.source.kind);

/** TensorFlow allows these characters in names, and `/` between scopes. */
const scoped = (path: string, name: string): string =>
  [...path.split("."), name]
    .filter((part) => part !== "")
    .map((part) => part.replace(/[^A-Za-z0-9_.-]/g, "_"))
    .join("/");

function nodeDefinition(name: string, operator: string, inputs: readonly string[], outputs: readonly Tensor[]): Uint8Array {
  const shapes = outputs.map(({ shape }) => bytes(7, message(...shape.map((size) => bytes(2, integer(1, size))))));
  const types = outputs.map(({ dtype, shape }) => `${dtype}${showShape(shape)}`).join(", ");
  return message(
    bytes(1, name),
    bytes(2, operator),
    ...inputs.map((input) => bytes(3, input)),
    attribute("_output_shapes", bytes(1, message(...shapes))),
    attribute("types", bytes(2, types)),
  );
}

/** An entry of the map from attributes' names to values. */
const attribute = (name: string, value: Uint8Array): Uint8Array => bytes(5, message(bytes(1, name), bytes(2, value)));
