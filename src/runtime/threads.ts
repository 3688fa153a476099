import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { changesRows, operatorOf } from "../ops/operator.js";
import { runtime } from "./runtime.js";

/** Throws unless a number of threads, where it is given, is an integer from 1. */
export function checkThreads(owner: string, threads: number | undefined): void {
  check(
    threads === undefined || (Number.isInteger(threads) && threads >= 1),
    () => `${owner}: threads ${threads}: expected an integer from 1, or nothing for the default`,
  );
}

/**
 * Sets how many threads ONNX Runtime has for graphs compiled from now on without the option `threads`. Use fewer than there are cores where the machine
 * does other work too, since the threads wait for each other.
 * @param count undefined for the default: all cores for large graphs, one for small ones
 * @throws KasaneError where it is not an integer from 1
 */
export function setThreads(count?: number): void {
  checkThreads("setThreads", count);
  runtime.threads = count;
}

/** A graph whose largest value has fewer elements has one thread: waking a second one costs more than it saves. */
const large = 2 ** 14;

/** As {@link large}, for values of elementwise operators, movements and selections: these wait for memory more than for a thread. */
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
