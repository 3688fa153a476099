import { hostData, Tensor } from "../graph/tensor.js";
import { rebuild } from "../graph/trace.js";
import { leavesOf } from "../graph/walk.js";
import { applyAll } from "../ops/operator.js";
import { Body, loops } from "../ops/scan.js";
import type { Computation } from "./binding.js";

/**
 * A computation repeated `count` times in one run. Inputs have one slice for each repetition, outputs are stacked, and a repetition reads the values of
 * variables that the one before assigned.
 */
export function repeat({ inputs, outputs, updates }: Computation, count: number): Computation {
  const leaves = leavesOf([...outputs, ...updates.values()]);
  const isDraw = ({ source }: Tensor) => source.kind === "random" && source.key === undefined;
  const carries = [...updates.keys()];
  const slices = inputs.map(({ tensor }) => tensor);
  const draws = leaves.filter(isDraw);
  const bound = new Set<Tensor>([...carries, ...slices, ...draws]);
  const captured = leaves.filter((leaf) => !bound.has(leaf) && !(leaf.size <= 1 && hostData(leaf)));
  const longer = (x: Tensor) => {
    const source = x.source.kind === "random" ? { ...x.source, runs: true } : x.source;
    return new Tensor(x.dtype, [count, ...x.shape], source);
  };
  const long = inputs.map(({ name, tensor }) => ({ name, tensor: longer(tensor) }));
  const sequences = [...long.map(({ tensor }) => tensor), ...draws.map(longer)];
  const body = new Body([...carries, ...slices, ...draws, ...captured], [...updates.values(), ...outputs]);
  const attributes = { body, carries: carries.length, sequences: sequences.length, length: count, reverse: false };
  const results = rebuild(() => applyAll(loops.Scan, [...carries, ...sequences, ...captured], attributes));
  return {
    inputs: long,
    outputs: results.slice(carries.length),
    updates: new Map(carries.map((variable, i) => [variable, results[i] as Tensor])),
  };
}
