import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { changesRows, operatorOf } from "../ops/operator.js";
import { runtime } from "./runtime.js";

/**
 * Sets how many threads ONNX Runtime has for graphs compiled from now on, where `compile` is not told: fewer than all of a machine that
 * does other work, too, since its threads wait for each other.
 * @param count undefined for the default: all cores for large graphs, one for small ones
 * @throws KasaneError where it is not an integer from 1
 */
export function setThreads(count?: number): void {
  check(
    count === undefined || (Number.isInteger(count) && count >= 1),
    () => `setThreads: got ${count}, expected an integer from 1, or nothing for the default`,
  );
  runtime.threads = count;
}

/** With fewer elements in its largest value a graph is run by one thread: waking a second one costs more than it brings. */
const large = 2 ** 14;

/** As {@link large}, of values that are picked or made element by element: these wait for memory more than for a thread. */
const largeCopy = 2 ** 20;

/** How many threads run a graph, unless that is set: 0 for all cores. */
export const threadsFor = (outputs: readonly Tensor[]): number =>
  runtime.threads ??
  Number(
    !topologicalOrder(outputs).some((node) => {
      const { is } = operatorOf(node).kind;
      const least = is === "elementwise" || is === "movement" || is === "selection" ? largeCopy : large;
      return !changesRows(node) && node.outputs.some(({ size }) => size >= least);
    }),
  );
