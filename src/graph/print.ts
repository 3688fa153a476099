import { showShape } from "./shape.js";
import type { Tensor } from "./tensor.js";
import { variableOf } from "./variable.js";
import { leavesOf, topologicalOrder } from "./walk.js";

/** The graph of `outputs` as text, one line a value: `%3 = MatMul(%1, weight) : float32[128, 10]  (Mlp.layers.1)`. */
export function printGraph(outputs: readonly Tensor[]): string {
  const names = new Map<string, string>();
  const key = (tensor: Tensor) => (tensor.source.kind === "node" ? `${tensor.source.id}.${tensor.index}` : "");
  const leaves = new Map(leavesOf(outputs).map((leaf, i) => [leaf, leafName(leaf, i)]));
  const nameOf = (tensor: Tensor) => leaves.get(tensor) ?? names.get(key(tensor)) ?? "%?";
  const lines: string[] = [];
  for (const node of topologicalOrder(outputs)) {
    const results = node.outputs.map((type, index) => {
      const name = `%${names.size}`;
      names.set(`${node.id}.${index}`, name);
      return { name, type: `${type.dtype}${showShape(type.shape)}` };
    });
    const settings = Object.entries(node.attributes).filter(([, value]) => value !== undefined && typeof value !== "function");
    const details = settings.map(([name, value]) => `, ${name}: ${JSON.stringify(value)}`).join("");
    const left = results.map((result) => result.name).join(", ");
    const right = `${node.operator.type}(${node.inputs.map(nameOf).join(", ")}${details})`;
    lines.push(`${left} = ${right} : ${results.map((result) => result.type).join(", ")}${node.path && `  (${node.path})`}`);
  }
  return [...lines, `return ${outputs.map(nameOf).join(", ")}`].join("\n");
}

function leafName(leaf: Tensor, index: number): string {
  const variable = variableOf(leaf);
  if (variable) return variable.name;
  if (leaf.source.kind === "input") return leaf.source.name;
  return `${leaf.source.kind}${index}`;
}
