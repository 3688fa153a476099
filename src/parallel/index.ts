import { check, KasaneError } from "../graph/error.js";
import { type Shape, showShape } from "../graph/shape.js";
import { leavesOf } from "../graph/walk.js";
import type { Computation } from "../passes/binding.js";
import type { Runnable, RunOptions } from "../runtime/executor.js";
import { DataParallelPlan } from "./dataParallel.js";
import { SequentialPlan } from "./sequentialPlan.js";

/**
 * A plan that divides a step among at most `workers` workers; undefined where the batch cannot be divided.
 * @param global the step with the whole batch
 * @param traceShare traces it with other shapes of the inputs
 * @param names what errors call the outputs
 * @param runs how many steps a run makes, one after the other; undefined for one, whose outputs are not stacked
 */
export function dataParallel(
  global: Computation,
  traceShare: (shapeOf: (shape: Shape) => Shape) => Computation,
  workers: number,
  names: readonly string[],
  options: RunOptions,
  runs: number | undefined,
): Runnable | undefined {
  check(Number.isInteger(workers) && workers > 0, () => `compile: workers: ${workers}: expected an integer from 1`);
  check((options.device ?? "cpu") === "cpu", () => `compile: workers: got device "${options.device}": they share the work of the CPU`);
  const batch = batchOf(global);
  const count = sharesOf(batch, workers);
  if (count === 1) return undefined;
  const size = batch / count;
  const local = explained(() => traceShare((shape) => (shape.length > 0 ? [size, ...shape.slice(1)] : shape)), global, batch, size);
  const plan = new DataParallelPlan(local, global, count, names, options);
  return runs === undefined ? plan : new SequentialPlan(plan, runs);
}

/** The size of the first axis, which all inputs share that have any. */
function batchOf({ inputs }: Computation): number {
  const [batch, ...others] = inputs.flatMap(({ tensor: { shape } }) => shape.slice(0, 1));
  check(
    others.every((other) => other === batch),
    () =>
      `compile: workers: inputs ${inputs.map(({ tensor }) => showShape(tensor.shape)).join(", ")}: the first axis of each is divided among ` +
      "the workers, so it must be the batch; what is none belongs in the function or in a variable",
  );
  return batch ?? 1;
}

/** The greatest number of equal shares, up to `workers`. A share has two examples or more: an axis of size 1 would broadcast. */
function sharesOf(batch: number, workers: number): number {
  let count = Math.min(workers, Math.floor(batch / 2));
  while (count > 1 && batch % count !== 0) count--;
  return Math.max(count, 1);
}

/** Adds to the error of tracing a share the names of state variables that have the size of the batch. */
function explained(traceShare: () => Computation, global: Computation, batch: number, size: number): Computation {
  try {
    return traceShare();
  } catch (error) {
    if (!(error instanceof KasaneError)) throw error;
    const state = new Set(leavesOf([...global.outputs, ...global.updates.values()]).filter((leaf) => leaf.shape.includes(batch)));
    const named = [...global.updates.keys()].filter((variable) => state.has(variable) && !variable.trainable);
    const shown = named.map(({ name, shape }) => `${name} ${showShape(shape)}`).join(", ");
    throw new KasaneError(
      `compile: workers: the function takes ${batch} examples but not the ${size} of a share: ${error.message}` +
        (named.length > 0 ? `; state of the batch's size, which workers cannot divide: ${shown}` : ""),
      { cause: error },
    );
  }
}
