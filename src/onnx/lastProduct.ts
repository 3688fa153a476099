import { check, excerpt } from "../graph/error.js";
import type { FileGraph, FileNode } from "./fileGraph.js";
import { readerOf } from "./registry.js";

/**
 * The value that the last product or convolution before an output multiplies by a weight, found from the output back through nodes of one value that
 * is no constant.
 */
export function fedToLastProduct({ nodes, constants: given }: FileGraph, output: string): string {
  const constants = new Set(given.keys());
  const makers = new Map<string, FileNode>();
  for (const node of nodes) {
    const isConstant = node.graphs.size === 0 && node.inputs.every((name) => name === "" || constants.has(name));
    for (const name of node.outputs) {
      makers.set(name, node);
      if (isConstant) constants.add(name);
    }
  }
  let value = output;
  for (let node = makers.get(value); node; node = makers.get(value)) {
    const fed = node.inputs.filter((name) => name !== "" && !constants.has(name));
    const [first] = fed;
    check(
      first !== undefined && fed.length === 1 && node.graphs.size === 0,
      () =>
        `replaceOutput: before "${excerpt(output, 60)}", ${(node as FileNode).type} (${(node as FileNode).label}) has ${fed.length} inputs that are no weights: name the value that the head is fed with in the option value`,
    );
    value = first;
    if (multipliesByConstant(node, constants)) return value;
  }
  check(
    false,
    () => `replaceOutput: no product or convolution with a weight is before "${excerpt(output, 60)}": name the value in the option value`,
  );
}

function multipliesByConstant({ domain, type, inputs }: FileNode, constants: ReadonlySet<string>): boolean {
  const reader = readerOf(domain, type);
  return inputs.some((name, i) => (reader?.roles?.[i] === "factor" || reader?.weight?.value === i) && constants.has(name));
}
