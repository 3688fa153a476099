import { sameShape } from "../graph/shape.js";
import type { Named, Tensor, TensorType } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { leavesOf } from "../graph/walk.js";
import { encodeModel, unusedName } from "../onnx/emit.js";
import type { Computation } from "../passes/binding.js";
import { prepare } from "../passes/index.js";
import { watch } from "../passes/watch.js";
import { operatorsIn } from "../runtime/estimate.js";
import { targetFor } from "../runtime/ort/devices.js";
import type { Cut, Gathered } from "./cut.js";
import { phasesOf } from "./phases.js";
import type { Phase, Program } from "./program.js";

/** A leaf of a worker's graph, `local`, and the leaf of the whole batch. The leader divides its value, or sends it to all. */
export interface Divided {
  readonly name: string;
  readonly local: Tensor;
  readonly whole: Tensor;
}

/** An output that the leader joins. */
export interface GatheredOutput extends Gathered {
  readonly name: string;
  readonly whole: TensorType;
}

/** The program of the workers, and the values that its names stand for. */
export interface Built {
  readonly program: Program;
  /** How many operators each phase has; those within a loop count once. */
  readonly operators: readonly number[];
  readonly variables: ReadonlyMap<string, Variable>;
  readonly divided: readonly Divided[];
  readonly gathered: ReadonlyMap<Gathered, GatheredOutput>;
  /** The sums over the workers, as the final computation takes them. */
  readonly sums: readonly Named[];
}

/** The models of a step's phases, under one name for each value. */
export function build(
  { exchanges, gathered: results, outputs }: Cut,
  local: Computation,
  global: Computation,
  threads: number,
  detectAnomalies: boolean,
): Built {
  const target = targetFor("cpu", threads);
  const names = new Map<Tensor, string>();
  const taken = new Set<string>();
  const types: Record<string, TensorType> = {};
  const nameOf = (x: Tensor, wish: string) => {
    const name = names.get(x) ?? unusedName(wish, taken);
    names.set(x, name);
    types[name] = { dtype: x.dtype, shape: x.shape };
    return name;
  };
  const resultsOf = (each: Computation) => [...each.outputs, ...each.updates.values()];
  const wholes = leavesOf(resultsOf(global));
  // The traces are alike, so their leaves come in the same order.
  const twins = new Map(leavesOf(resultsOf(local)).map((leaf, i) => [leaf, wholes[i] as Tensor]));

  const variables = new Map<string, Variable>();
  const divided = new Map<string, Divided>();
  const gathered = new Map<Gathered, GatheredOutput>();
  const sums: Named[] = [];
  const operators: number[] = [];
  const prepared = prepare(
    [...exchanges, ...results].map(({ value }) => value),
    target,
  );
  const phases = phasesOf(
    exchanges.map(({ sum }, i) => ({ sum, value: prepared[i] as Tensor })),
    prepared.slice(exchanges.length),
  );
  const carried: string[] = [];
  const built = phases.map((phase): Phase => {
    const computed = [...phase.exchanged, ...phase.results, ...phase.carried].map(({ value }) => value);
    const inputs = leavesOf(computed).flatMap((leaf): Named[] => {
      if (leaf.source.kind === "data") return [];
      const name = nameOf(leaf, leaf instanceof Variable ? leaf.name : leaf.source.kind);
      const whole = twins.get(leaf);
      if (leaf instanceof Variable) variables.set(name, leaf);
      else if (whole) divided.set(name, { name, local: leaf, whole });
      return [{ name, tensor: leaf }];
    });
    const exchanged = phase.exchanged.map(({ sum }) => nameOf(sum, "sum"));
    phase.exchanged.forEach(({ sum }, i) => sums.push({ name: exchanged[i] as string, tensor: sum }));
    const parts = phase.results.map(({ place, value }) => {
      const each = results[place] as Gathered;
      const name = unusedName("output", taken);
      types[name] = { dtype: value.dtype, shape: value.shape };
      gathered.set(each, { ...each, name, whole: global.outputs[outputs.indexOf(each)] as Tensor });
      return name;
    });
    const kept = phase.carried.map(({ leaf }) => nameOf(leaf, "carried"));
    carried.push(...kept);
    const { results: given, values, watched } = detectAnomalies ? watch(computed) : { results: computed, values: [], watched: [] };
    operators.push(operatorsIn(computed));
    const named = [...exchanged, ...parts, ...kept].map((name, i) => ({ name, tensor: given[i] as Tensor }));
    const checked = values.map((tensor) => ({ name: unusedName("watched", taken), tensor }));
    return {
      model: encodeModel(inputs, [...named, ...checked]),
      inputs: inputs.map(({ name }) => name),
      outputs: named.map(({ name }) => name),
      exchanged,
      watched,
      watchedNames: checked.map(({ name }) => name),
    };
  });
  const program = {
    types,
    variables: [...variables.keys()],
    parts: [...divided.keys()],
    phases: built,
    carried,
    gathered: [...gathered.values()].map(({ name }) => name),
  };
  return { program, operators, variables, divided: [...divided.values()], gathered, sums };
}

/** Whether a leaf is the same for all workers. */
export const isUndivided = ({ local, whole }: Pick<Divided, "local" | "whole">): boolean => sameShape(local.shape, whole.shape);
