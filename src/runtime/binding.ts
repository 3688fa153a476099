import type { RandomSource, Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { leavesOf } from "../graph/walk.js";
import type { Named } from "../onnx/emit.js";
import { prepare } from "../onnx/passes/index.js";
import { operatorOf, type Target } from "../ops/operator.js";

/** What a plan computes from what. */
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

/** A computation prepared for a target, and the leaves that it needs then. */
export interface Binding {
  readonly inputs: readonly Named[];
  readonly variables: readonly Variable[];
  readonly randoms: readonly Random[];
  readonly outputs: readonly Tensor[];
  /** The variables that change: by one result, the whole value, or by two, the indices of rows and these rows. */
  readonly updates: readonly { readonly variable: Variable; readonly next: readonly Tensor[] }[];
  /** The outputs and the next values of variables. */
  readonly results: readonly Tensor[];
}

/**
 * Prepares a computation for a target.
 * @param setsRows whether a variable of which rows alone change is given those rows; else its whole value
 */
export function bind({ inputs, outputs, updates }: Computation, target: Target, setsRows: boolean): Binding {
  const changes = [...updates].map(([variable, value]) => ({
    variable,
    values: (setsRows ? rowsSet(variable, value) : undefined) ?? [value],
  }));
  const results = prepare([...outputs, ...changes.flatMap(({ values }) => values)], target);
  const rest = results.slice(outputs.length);
  return bindingOf(
    inputs,
    results.slice(0, outputs.length),
    changes.map(({ variable, values }) => ({ variable, next: values.map(() => rest.shift() as Tensor) })),
  );
}

/** The binding of a graph that is prepared already. */
export function bindingOf(inputs: readonly Named[], outputs: readonly Tensor[], updates: Binding["updates"]): Binding {
  const results = [...outputs, ...updates.flatMap(({ next }) => next)];
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

/** The indices and the rows, where `value` is `variable` with other rows: they are written over the old ones, and the rest is not copied. */
function rowsSet(variable: Variable, { source }: Tensor): readonly Tensor[] | undefined {
  return source.kind === "node" && operatorOf(source).setsRows && source.inputs[0] === variable ? source.inputs.slice(1) : undefined;
}
