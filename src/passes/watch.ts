import { isFloat } from "../graph/dtype.js";
import type { Tensor, TensorType } from "../graph/tensor.js";
import { rewrite, topologicalOrder } from "../graph/walk.js";
import { isNodeOf } from "../ops/match.js";
import { applyAll, operatorOf } from "../ops/operator.js";
import { Body, loops } from "../ops/scan.js";

/** A node as an error describes it. */
export interface Operation {
  readonly type: string;
  readonly inputs: readonly TensorType[];
  readonly path: string;
}

/** A floating-point value that a run returns to be checked: its index among those values, and the operation that made it. */
export interface WatchedValue {
  readonly place: number;
  readonly operation: Operation;
}

/** The values of a loop's body, each stacked over the steps along a new first axis. Their places count from `place` on. */
export interface WatchedLoop {
  readonly place: number;
  readonly length: number;
  readonly reverse: boolean;
  readonly body: readonly Watched[];
}

/** A checked value or loop. Lists are in the order of computation, and can be sent to a worker. */
export type Watched = WatchedValue | WatchedLoop;

/** A graph that also returns the values to be checked. */
export interface WatchedGraph {
  readonly results: readonly Tensor[];
  readonly values: readonly Tensor[];
  readonly watched: readonly Watched[];
}

/**
 * Adds all floating-point values of a prepared graph to its outputs, those in the bodies of loops included, but for what only moves elements about:
 * around an image it puts infinities, which a pooling takes for places that are not there.
 */
export function watch(outputs: readonly Tensor[]): WatchedGraph {
  const bodies = new Map<Body, WatchedGraph>();
  const results = rewrite(outputs, (node, inputs) => {
    if (!isNodeOf(node, loops.Scan)) return undefined;
    const { body } = node.attributes;
    const inner = watch(body.outputs);
    const extended = new Body(body.inputs, [...inner.results, ...inner.values]);
    bodies.set(extended, inner);
    return applyAll(loops.Scan, inputs, { ...node.attributes, body: extended });
  });

  const values: Tensor[] = [];
  const watched: Watched[] = [];
  for (const node of topologicalOrder(results)) {
    let own = node.outputs;
    if (isNodeOf(node, loops.Scan)) {
      const { body, length, reverse } = node.attributes;
      const inner = bodies.get(body) as WatchedGraph;
      watched.push({ place: values.length, length, reverse, body: inner.watched });
      values.push(...own.slice(inner.results.length));
      own = own.slice(0, inner.results.length);
    }
    const inputs = node.inputs.map(({ dtype, shape }) => ({ dtype, shape }));
    const operation = { type: node.operator.type, inputs, path: node.path };
    const isMade = !["movement", "placement"].includes(operatorOf(node).kind.is);
    for (const x of own) if (isMade && isFloat(x.dtype)) watched.push({ place: values.push(x) - 1, operation });
  }
  return { results, values, watched };
}
