import { hostData, keyOfAttributes, type Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { topologicalOrder } from "../graph/walk.js";

/** What tells graphs apart that no one model can serve. */
export function structureOf(outputs: readonly Tensor[], leaves: readonly Tensor[]): string {
  const names = new Map<Tensor, string>(leaves.map((leaf, i) => [leaf, `@${i}`]));
  const parts = leaves.map((leaf) => {
    const held = isSmall(leaf) ? hostData(leaf)?.join() : undefined;
    return `${leaf instanceof Variable ? `v${identityOf(leaf)}` : leaf.source.kind}:${leaf.dtype}[${leaf.shape}]${held ?? ""}`;
  });
  for (const node of topologicalOrder(outputs)) {
    const id = parts.length;
    node.outputs.forEach((output, i) => names.set(output, `${id}.${i}`));
    parts.push(`${node.operator.type}(${node.inputs.map((input) => names.get(input))})${keyOfAttributes(node.attributes)}`);
  }
  return `${parts.join(";")}->${outputs.map((output) => names.get(output))}`;
}

/** Whether a leaf's elements are part of the graph's structure, as those of numbers are; those of other data are inputs. */
export const isSmall = (leaf: Tensor): boolean => leaf.size <= 1 && hostData(leaf) !== undefined;

const identities = new WeakMap<Variable, number>();
let identified = 0;

function identityOf(variable: Variable): number {
  const id = identities.get(variable) ?? identified++;
  identities.set(variable, id);
  return id;
}
