import { check } from "../graph/error.js";
import type { RunExplanation, Runnable } from "./executor.js";

/** What runs one signature of a compiled function, and why. */
export interface Explanation extends RunExplanation {
  /** The arguments that it was traced for: paths, dtypes and shapes; `many` before those of many steps in one call. */
  readonly signature: string;
}

const planned = new WeakMap<object, () => ReadonlyMap<string, Runnable>>();

/** Lets {@link explain} ask a compiled function for its plans, by their signatures. */
export const explainable = (fn: object, plans: () => ReadonlyMap<string, Runnable>): void => void planned.set(fn, plans);

/**
 * Says for each signature that a compiled function was called with what runs it, and why; with several workers, what each of them runs.
 * @param fn what `compile` returned
 * @throws KasaneError where it is something else
 */
export function explain(fn: object): Explanation[] {
  const plans = planned.get(fn);
  check(plans !== undefined, () => "explain: expected what compile returned");
  return [...plans()].map(([signature, plan]) => ({ signature, ...plan.explain() }));
}
