import type { Node, Tensor } from "../../graph/tensor.js";
import { topologicalOrder, usersOf } from "../../graph/walk.js";
import { filled, sizesOf } from "./images.js";
import { Network } from "./minimumCut.js";

/** How a node can be computed on blocked images. */
export interface Candidate {
  /** Which of its inputs it takes blocked. */
  readonly takes: readonly number[];
  /** Whether its outputs are blocked. */
  readonly gives: boolean;
  /** How many nanoseconds less it takes than in the plain layout, but for reordering. */
  readonly saving: number;
  /**
   * Computes it.
   * @param inputs its inputs: those that it takes blocked, the others in the plain layout
   */
  build(inputs: readonly Tensor[]): readonly Tensor[];
}

/** Nanoseconds an element takes to be reordered, by one thread of an AMD EPYC 9004 (0.28 to 0.31). */
const reordering = 0.3;

/**
 * Which nodes are computed on blocked images: those for which the time of all kernels, and of the reorderings between layouts, is least. Each node
 * with a candidate is in one of two sets. A node in the wrong set costs what the other would save, a value that somebody needs in the layout that
 * it was not made in costs its reordering, once. Such a division is a minimum cut.
 */
export function chooseLayouts(outputs: readonly Tensor[], candidates: ReadonlyMap<Node, Candidate>, block: number): ReadonlySet<Node> {
  const network = new Network();
  const vertices = new Map([...candidates.keys()].map((node) => [node, network.vertex()]));
  for (const [node, { saving }] of candidates) {
    const vertex = vertices.get(node) as number;
    if (saving > 0) network.edge(Network.source, vertex, saving);
    else network.edge(vertex, Network.sink, -saving);
  }
  const order = topologicalOrder(outputs);
  const users = usersOf(order);
  const results = new Set(outputs);
  const taken = (user: Node, x: Tensor) => candidates.get(user)?.takes.some((i) => user.inputs[i] === x) ?? false;
  const values = new Set(
    [...candidates].flatMap(([node, { takes, gives }]) => [...takes.map((i) => node.inputs[i] as Tensor), ...(gives ? node.outputs : [])]),
  );
  for (const x of values) {
    const cost = reorderingOf(x, block);
    const made = x.source.kind === "node" && candidates.get(x.source)?.gives ? (vertices.get(x.source) as number) : Network.sink;
    const using = users.get(x) ?? [];
    const blockedUsers = using.filter((user) => taken(user, x)).map((user) => vertices.get(user) as number);
    const isNeededPlain =
      results.has(x) || using.some((user) => user.inputs.some((input, i) => input === x && !candidates.get(user)?.takes.includes(i)));
    if (blockedUsers.length > 0) {
      // With the source if any user is.
      const needed = network.vertex();
      for (const user of blockedUsers) network.edge(user, needed, Number.POSITIVE_INFINITY);
      network.edge(needed, made, cost);
    }
    if (made === Network.sink) continue;
    if (isNeededPlain) network.edge(made, Network.sink, cost);
    else if (blockedUsers.length > 0) {
      // With the sink if any user is.
      const needed = network.vertex();
      for (const user of blockedUsers) network.edge(needed, user, Number.POSITIVE_INFINITY);
      network.edge(made, needed, cost);
    }
  }
  const isBlocked = network.minimumCut();
  return new Set([...vertices].filter(([, vertex]) => isBlocked[vertex]).map(([node]) => node));
}

/** What it costs to reorder a value; only single precision can be. */
function reorderingOf({ dtype, shape }: Tensor, block: number): number {
  if (dtype !== "float32") return Number.POSITIVE_INFINITY;
  const [batch, channels, height, width] = sizesOf(shape);
  // An operator of its own costs about a microsecond; one place is no reordering.
  return height * width === 1 && channels % block === 0 ? 0 : 1000 + reordering * batch * filled(channels, block) * height * width;
}
