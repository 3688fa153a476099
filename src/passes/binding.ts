import type { Named, RandomSource, Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { leavesOf } from "../graph/walk.js";
import type { Target } from "../targets/target.js";
import { prepare, type Report } from "./index.js";

/** A graph: its inputs, its outputs, and the next values of variables. */
export interface Computation {
  readonly inputs: readonly Named[];
  readonly outputs: readonly Tensor[];
  readonly updates: ReadonlyMap<Variable, Tensor>;
}

/** A random leaf. */
export interface Random {
  readonly leaf: Tensor;
  readonly source: RandomSource;
}

/** A computation prepared for a target, and the leaves of the prepared graph. */
export interface Binding {
  readonly inputs: readonly Named[];
  readonly variables: readonly Variable[];
  readonly randoms: readonly Random[];
  readonly outputs: readonly Tensor[];
  /** The variables that change. */
  readonly updates: readonly { readonly variable: Variable; readonly next: Tensor }[];
  /** The outputs and the next values of variables. */
  readonly results: readonly Tensor[];
}

/** Prepares a computation for a target; `report` is told what `prepare` tells it. */
export function bind({ inputs, outputs, updates }: Computation, target: Target, report?: Report): Binding {
  const results = prepare([...outputs, ...updates.values()], target, report);
  return bindingOf(
    inputs,
    results.slice(0, outputs.length),
    [...updates.keys()].map((variable, i) => ({ variable, next: results[outputs.length + i] as Tensor })),
  );
}

/** The binding of a graph that is prepared already. */
export function bindingOf(inputs: readonly Named[], outputs: readonly Tensor[], updates: Binding["updates"]): Binding {
  const results = [...outputs, ...updates.map(({ next }) => next)];
  const known = new Set(inputs.map(({ tensor }) => tensor));
  const leaves = leavesOf(results).filter((leaf) => !known.has(leaf));
  return {
    inputs,
    variables: leaves.filter((leaf) => leaf instanceof Variable),
    randoms: leaves.flatMap((leaf) => (leaf.source.kind === "random" ? [{ leaf, source: leaf.source }] : [])),
    outputs,
    updates,
    results,
  };
}
