import { type Node, Tensor } from "../graph/tensor.js";
import { topologicalOrder, withInputs } from "../graph/walk.js";
import { isNodeOf } from "../ops/match.js";
import { shapes } from "../ops/shapes.js";
import type { Exchange } from "./cut.js";

/** A part of a step, before, between or after exchanges. Its values are made of the step's leaves, of sums, and of what earlier phases carry over. */
export interface PhaseGraph {
  /** What is exchanged after it. */
  readonly exchanged: readonly Exchange[];
  /** The results that it has: their places among all results, and their values. */
  readonly results: readonly { readonly place: number; readonly value: Tensor }[];
  /** Values that the worker keeps for later phases, and the leaf that stands for each of them there. */
  readonly carried: readonly { readonly value: Tensor; readonly leaf: Tensor }[];
}

/**
 * Divides a graph into phases: each computes what depends on the sums of earlier exchanges only, and carries over what later phases use. What costs
 * nothing is computed again there.
 * @param exchanges in an order in which each depends on the sums of earlier ones only
 */
export function phasesOf(exchanges: readonly Exchange[], results: readonly Tensor[]): readonly PhaseGraph[] {
  const wanted = [...exchanges.map(({ value }) => value), ...results];
  const order = topologicalOrder(wanted);
  const levelOf = levelsOf(order, exchanges);
  const leaves = new Map<Tensor, Tensor>();
  const phases = Array.from({ length: Math.max(-1, ...wanted.map(levelOf)) + 1 }, (_, level) => ({
    level,
    nodes: [] as Node[],
    values: new Map<Tensor, Tensor>(),
  }));
  const carried = phases.map((): { value: Tensor; leaf: Tensor }[] => []);
  for (const node of order) phases[levelOf(node.outputs[0] as Tensor)]?.nodes.push(node);
  const graphs = phases.map(({ level, nodes, values }) => {
    /** A value as this phase has it. */
    const here = (x: Tensor): Tensor => {
      const known = values.get(x);
      if (known || x.source.kind !== "node") return known ?? x;
      if (isFree(x.source)) return make(x.source)[x.index] as Tensor;
      const leaf = leaves.get(x) ?? new Tensor(x.dtype, x.shape, { kind: "input", name: "carried" });
      const origin = levelOf(x);
      if (!leaves.has(x)) carried[origin]?.push({ value: phases[origin]?.values.get(x) as Tensor, leaf });
      leaves.set(x, leaf);
      values.set(x, leaf);
      return leaf;
    };
    const make = (node: Node): readonly Tensor[] => {
      const outputs = withInputs(node, node.inputs.map(here));
      node.outputs.forEach((x, i) => values.set(x, outputs[i] as Tensor));
      return outputs;
    };
    for (const node of nodes) make(node);
    return {
      exchanged: exchanges.filter(({ value }) => levelOf(value) === level).map(({ value, sum }) => ({ value: here(value), sum })),
      results: results.flatMap((x, place) => (levelOf(x) === level ? [{ place, value: here(x) }] : [])),
    };
  });
  return graphs.map((graph, level) => ({ ...graph, carried: carried[level] as (typeof carried)[number] }));
}

/** Whether a node's outputs are its inputs in other shapes, or written from fewer elements. */
const isFree = (node: Node): boolean => node.inputs.length === 0 || isNodeOf(node, shapes.Reshape, shapes.Expand);

/** The number of exchanges, one after the other, that each value depends on. */
function levelsOf(order: readonly Node[], exchanges: readonly Exchange[]): (x: Tensor) => number {
  const levels = new Map<Tensor, number>();
  const levelOf = (x: Tensor) => levels.get(x) ?? 0;
  const set = (x: Tensor, level: number) => {
    const isNew = levelOf(x) !== level;
    if (isNew) levels.set(x, level);
    return isNew;
  };
  // A sum's users may stand before what it is the sum of.
  for (let isChanged = true; isChanged; ) {
    for (const node of order) {
      const level = Math.max(0, ...node.inputs.map(levelOf));
      for (const output of node.outputs) set(output, level);
    }
    isChanged = exchanges.map(({ value, sum }) => set(sum, levelOf(value) + 1)).includes(true);
  }
  return levelOf;
}
