import { check } from "../graph/error.js";

let set: number | undefined;

/**
 * Sets how many threads ONNX Runtime has for graphs compiled from now on, where `compile` is not told: fewer than all of a machine that
 * does other work, too, since its threads wait for each other.
 * @param count undefined for the default: all cores for large graphs, one for small ones
 * @throws KasaneError where it is no whole number from 1 on
 */
export function setThreads(count?: number): void {
  check(
    count === undefined || (Number.isInteger(count) && count >= 1),
    () => `setThreads: got ${count}, expected a whole number from 1 on, or nothing for the default`,
  );
  set = count;
}

/** What {@link setThreads} set. */
export const threadsSet = (): number | undefined => set;
