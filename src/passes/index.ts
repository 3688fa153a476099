import type { Tensor } from "../graph/tensor.js";
import { rebuild } from "../graph/trace.js";
import { rewrite } from "../graph/walk.js";
import { branches } from "../ops/branch.js";
import { isNodeOf } from "../ops/match.js";
import { applyAll } from "../ops/operator.js";
import { Body, loops } from "../ops/scan.js";
import type { Target } from "../targets/target.js";
import { addToProducts } from "./addToProducts.js";
import { blockChannels, gainsFromBlocks, type LayoutDecision } from "./blocked/index.js";
import { deduplicate } from "./deduplicate.js";
import { fold } from "./fold.js";
import { foldNormalization } from "./foldNormalization.js";
import { hoist } from "./hoist.js";
import { joinProducts } from "./joinProducts.js";
import { lower } from "./lower.js";
import { maskMaxima } from "./maskMaxima.js";
import { maximaByKernel } from "./maximaByKernel.js";
import { openNormalization } from "./openNormalization.js";
import { refine } from "./refine.js";
import { applyRules } from "./rules.js";
import { scaleLast } from "./scaleLast.js";
import { scatterOnto } from "./scatterOnto.js";
import { selectByProduct } from "./selectByProduct.js";
import { selectImplementation } from "./selectImplementation.js";
import { shareLoops } from "./shareLoops.js";
import { simplify } from "./simplify.js";
import { skipZeros } from "./skipZeros.js";
import { sumByProduct } from "./sumByProduct.js";
import { transposeFirst } from "./transposeFirst.js";
import { unexpand } from "./unexpand.js";

const passes = [
  // Loops are compared by their inputs, so this comes before other passes rewrite these. Hoisted nodes are then part of the graph around.
  shareLoops,
  hoist,
  // Before lowering, since a target may have no such operators.
  scatterOnto,
  applyRules(refine, maskMaxima),
  foldNormalization,
  // Before lowering, since pooling and the gradients of convolutions are operators of their own until then.
  chooseLayouts,
  applyRules(maximaByKernel),
  applyRules(lower),
  selectImplementation,
  // Now all operators are those that will run, and the bodies of loops are what is left in them.
  prepareBodies,
  deduplicate,
  applyRules(skipZeros, unexpand, fold, simplify),
  // A simplification may leave sums of products, and joining these may leave products to simplify.
  joinProducts,
  scaleLast,
  applyRules(fold, simplify),
  deduplicate,
  // Products that could not be joined take an addition, or a transposed factor.
  addToProducts,
  applyRules(transposeFirst),
  deduplicate,
  applyRules(selectByProduct, sumByProduct),
];

/** Takes what a pass decided about a node, for whoever asks why a graph is as it is. */
export type Report = (decision: LayoutDecision) => void;

/**
 * Prepares a graph for a target: the same values of the same leaves, by operators that the target has, and fewer of them.
 * @param report is told the layouts that convolutions are computed in
 */
export function prepare(outputs: readonly Tensor[], target: Target, report?: Report): readonly Tensor[] {
  return rebuild(() => passes.reduce<readonly Tensor[]>((current, pass) => pass(current, target, report), outputs));
}

/** Puts images into blocks of channels, where the target has those and the graph has convolutions. */
function chooseLayouts(outputs: readonly Tensor[], target: Target, report?: Report): readonly Tensor[] {
  if (!gainsFromBlocks(outputs)) return outputs;
  if (target.channelBlock <= 1) return blockChannels(outputs, target, report);
  const opened = applyRules(openNormalization, skipZeros, unexpand, fold, simplify)(outputs, target);
  return blockChannels(deduplicate(opened), target, report);
}

/** Prepares the bodies of loops and of branches. */
function prepareBodies(outputs: readonly Tensor[], target: Target, report?: Report): readonly Tensor[] {
  return rewrite(outputs, (node, inputs) => {
    const prepared = ({ inputs, outputs, origin }: Body) => new Body(inputs, prepare(outputs, target, report), origin);
    if (isNodeOf(node, loops.Scan)) return applyAll(loops.Scan, inputs, { ...node.attributes, body: prepared(node.attributes.body) });
    if (!isNodeOf(node, branches.Branch)) return undefined;
    return applyAll(branches.Branch, inputs, { holds: prepared(node.attributes.holds), fails: prepared(node.attributes.fails) });
  });
}
