import { hostData, keyOfAttributes, keyOfElements, type Node, type Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { leavesOf, topologicalOrder } from "../graph/walk.js";
import { Body } from "../ops/scan.js";

/**
 * A graph as text. Two graphs with equal texts have the same model; only the elements of their {@link isInput | inputs} differ.
 * @param leaves its leaves, in the order of the inputs
 * @param isInput whether a leaf's elements are given to each run and are not part of the text
 */
export function structureOf(
  outputs: readonly Tensor[],
  leaves: readonly Tensor[],
  isInput: (leaf: Tensor) => boolean = isEagerInput,
): string {
  const names = new Map<Tensor, string>(leaves.map((leaf, i) => [leaf, `@${i}`]));
  const parts = leaves.map((leaf) => {
    const data = isInput(leaf) ? undefined : hostData(leaf);
    const source = leaf instanceof Variable ? `v${identityOf(leaf)}` : data ? keyOfElements(data) : "";
    return `${source}:${leaf.dtype}[${leaf.shape}]`;
  });
  for (const node of topologicalOrder(outputs)) {
    const id = parts.length;
    node.outputs.forEach((output, i) => names.set(output, `${id}.${i}`));
    parts.push(`${node.operator.type}(${node.inputs.map((input) => names.get(input))})${attributesOf(node)}`);
  }
  return `${parts.join(";")}->${outputs.map((output) => names.get(output))}`;
}

/**
 * The attributes as text; the body of a loop by its structure, since a loop that is made again has a body of its own. Functions among them say
 * how to differentiate, which changes no value.
 */
function attributesOf({ attributes }: Node): string {
  const { body, ...rest } = attributes;
  const others = Object.fromEntries(Object.entries(rest).filter(([, value]) => typeof value !== "function"));
  if (!(body instanceof Body)) return keyOfAttributes(others);
  const inputs = new Set(body.inputs);
  const constants = leavesOf(body.outputs).filter((leaf) => !inputs.has(leaf));
  return `${keyOfAttributes(others)}{${structureOf(body.outputs, [...body.inputs, ...constants], (leaf) => inputs.has(leaf))}}`;
}

/** Whether the elements of a leaf of an eager graph are given to each run: random numbers, and data of more than one element. */
export const isEagerInput = (leaf: Tensor): boolean =>
  leaf.source.kind === "random" || (leaf.source.kind === "data" && (leaf.size > 1 || !hostData(leaf)));

const identities = new WeakMap<Variable, number>();
let identified = 0;

function identityOf(variable: Variable): number {
  const id = identities.get(variable) ?? identified++;
  identities.set(variable, id);
  return id;
}
