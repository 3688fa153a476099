import type { Node, Tensor } from "../graph/tensor.js";
import { rewrite } from "../graph/walk.js";
import type { Target } from "../targets/target.js";

/**
 * Replaces one node: returns other outputs, or undefined where the rule does not apply.
 * @param inputs the node's inputs as they are after the rewriting so far
 */
export type Rule = (node: Node, inputs: readonly Tensor[], target: Target) => readonly Tensor[] | undefined;

/**
 * A pass that applies rules to every node until none applies. The first rule that applies to a node replaces it; the next round visits the nodes of the
 * replacement. So the order of rules does not matter.
 */
export const applyRules =
  (...rules: readonly Rule[]) =>
  (outputs: readonly Tensor[], target: Target): readonly Tensor[] => {
    for (let current = outputs; ; ) {
      let isChanged = false;
      const next = rewrite(current, (node, inputs) => {
        for (const rule of rules) {
          const replacement = rule(node, inputs, target);
          if (!replacement) continue;
          isChanged = true;
          return replacement;
        }
        return undefined;
      });
      if (!isChanged) return next;
      current = next;
    }
  };
