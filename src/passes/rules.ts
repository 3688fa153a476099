import type { Node, Tensor } from "../graph/tensor.js";
import { rewrite } from "../graph/walk.js";
import type { Target } from "../targets/target.js";

/**
 * What takes the place of one node: other outputs, or undefined where the rule does not apply to it.
 * @param inputs the node's inputs as they are after the rewriting so far
 */
export type Rule = (node: Node, inputs: readonly Tensor[], target: Target) => readonly Tensor[] | undefined;

/**
 * A pass that applies rules to every node until none applies any more. Of several that apply to a node the first replaces it; what the replacement is
 * made of is looked at in the next round. So such rules need no order among themselves.
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
