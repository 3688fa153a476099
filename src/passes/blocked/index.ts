import type { Node, Tensor } from "../../graph/tensor.js";
import { atPath, rebuild } from "../../graph/trace.js";
import { topologicalOrder, withInputs } from "../../graph/walk.js";
import { isNodeOf } from "../../ops/match.js";
import { loops } from "../../ops/scan.js";
import type { Target } from "../../targets/target.js";
import { findChannelProducts } from "./channelProduct.js";
import { convolutionCandidate, obstacleOf, weightShapeOf } from "./convolutionCandidates.js";
import { fuse } from "./fuse.js";
import { fromBlocked, toBlocked } from "./images.js";
import { type Candidate, chooseLayouts } from "./layout.js";
import { poolCandidate } from "./poolCandidates.js";
import { valueCandidate } from "./valueCandidates.js";

/** Which layout a convolution, or one of its gradients, is computed in, and why. */
export interface LayoutDecision {
  /** `Conv`, `ConvTranspose` (the gradient by images too) or `ConvWeightGradient`. */
  readonly operator: string;
  /** The shapes of its operands, and its module path. */
  readonly inputs: readonly (readonly number[])[];
  readonly path: string;
  readonly layout: "blocked" | "plain";
  /** Why it is plain. */
  readonly reason?: string;
}

/**
 * Lets convolutions, and what stands between them, be computed on images whose channels lie in blocks, where the target has kernels for that and they
 * pay. All other passes know images as `[batch, channels, ...places]`.
 */
export function blockChannels(
  outputs: readonly Tensor[],
  target: Target,
  report: (decision: LayoutDecision) => void = () => undefined,
): readonly Tensor[] {
  const { channelBlock: block } = target;
  if (block <= 1) {
    for (const node of topologicalOrder(outputs)) if (weightShapeOf(node)) report(decisionOf(node, "no kernels for blocks of channels"));
    return outputs;
  }
  const prepared = findChannelProducts(outputs);
  const candidates = new Map<Node, Candidate>();
  const isBlocked = ({ source }: Tensor) => source.kind === "node" && (candidates.get(source)?.gives ?? false);
  const order = topologicalOrder(prepared);
  for (const node of order) {
    const candidate = convolutionCandidate(node, isBlocked, block) ?? poolCandidate(node, block) ?? valueCandidate(node, block);
    if (candidate) candidates.set(node, candidate);
  }
  const chosen = chooseLayouts(prepared, candidates, block);
  for (const node of order) {
    const shape = weightShapeOf(node);
    if (!shape) continue;
    const obstacle = obstacleOf(node, shape, block);
    const reason = obstacle ? `no blocked form: ${obstacle}` : "the blocked kernel saves less than reordering its operands costs";
    report(decisionOf(node, chosen.has(node) ? undefined : reason));
  }
  return chosen.size === 0 ? outputs : fuse(computed(prepared, order, candidates, chosen, block));
}

/** Whether a graph has what blocked images are for. */
export const gainsFromBlocks = (outputs: readonly Tensor[]): boolean =>
  topologicalOrder(outputs).some(
    (node) => weightShapeOf(node) !== undefined || (isNodeOf(node, loops.Scan) && gainsFromBlocks(node.attributes.body.outputs)),
  );

/** @param reason why a node is computed in the plain layout, where it is */
function decisionOf(node: Node, reason: string | undefined): LayoutDecision {
  const decision = { operator: node.operator.type, inputs: node.inputs.map(({ shape }) => shape), path: node.path };
  return reason === undefined ? { ...decision, layout: "blocked" } : { ...decision, layout: "plain", reason };
}

/** The graph with the chosen nodes on blocked images, and reorderings where layouts meet. */
function computed(
  outputs: readonly Tensor[],
  order: readonly Node[],
  candidates: ReadonlyMap<Node, Candidate>,
  chosen: ReadonlySet<Node>,
  block: number,
): readonly Tensor[] {
  const plain = new Map<Tensor, Tensor>();
  const inBlocks = new Map<Tensor, Tensor>();
  const known = (values: Map<Tensor, Tensor>, x: Tensor, make: () => Tensor): Tensor => {
    const value = values.get(x) ?? rebuild(make);
    values.set(x, value);
    return value;
  };
  const plainOf = (x: Tensor): Tensor =>
    known(plain, x, () => {
      const value = inBlocks.get(x);
      return value ? fromBlocked(value, x.shape) : x;
    });
  const blockedOf = (x: Tensor): Tensor => known(inBlocks, x, () => toBlocked(plainOf(x), block));
  for (const node of order) {
    const candidate = chosen.has(node) ? candidates.get(node) : undefined;
    const results = atPath(node.path, () => {
      if (!candidate) return withInputs(node, node.inputs.map(plainOf));
      const inputs = node.inputs.map((x, i) => (candidate.takes.includes(i) ? blockedOf(x) : plainOf(x)));
      return rebuild(() => candidate.build(inputs));
    });
    node.outputs.forEach((x, i) => (candidate?.gives ? inBlocks : plain).set(x, results[i] as Tensor));
  }
  return outputs.map(plainOf);
}
