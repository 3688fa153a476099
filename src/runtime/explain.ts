import { check } from "../graph/error.js";
import type { Estimate } from "./estimate.js";
import type { Plan } from "./plan.js";

/** What runs one signature of a compiled function, and why. */
export interface Explanation {
  /** The arguments that it was traced for: paths, dtypes and shapes; `many;` before those of many steps in one call. */
  readonly signature: string;
  /** A WebAssembly module of its own, or ONNX Runtime. */
  readonly executor: "wasm" | "onnxruntime";
  readonly reason: string;
  /** What both were estimated to cost; undefined where a module was ruled out. */
  readonly estimate?: Estimate;
  /** How many operators the prepared graph has; those within a loop count once. */
  readonly operators: number;
  /** Bytes that a module's memory plan takes up, constants and variables included; ONNX Runtime plans its own. */
  readonly memory?: number;
}

const planned = new WeakMap<object, () => ReadonlyMap<string, Plan>>();

/** Lets {@link explain} ask a compiled function for its plans, by their signatures. */
export const explainable = (fn: object, plans: () => ReadonlyMap<string, Plan>): void => void planned.set(fn, plans);

/**
 * Says for each signature that a compiled function was called with what runs it, and why.
 * @param fn what `compile` returned
 * @throws KasaneError where it is something else
 */
export function explain(fn: object): Explanation[] {
  const plans = planned.get(fn);
  check(plans !== undefined, () => "explain: expected what compile returned");
  return [...plans()].map(([signature, { choice }]) => ({
    signature,
    executor: choice.kind,
    reason: choice.reason,
    ...(choice.estimate && { estimate: choice.estimate }),
    operators: choice.operators,
    ...(choice.memory !== undefined && { memory: choice.memory }),
  }));
}
