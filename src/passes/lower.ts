import type { Tensor } from "../graph/tensor.js";
import { rewrite } from "../graph/walk.js";
import { type Operands, operatorOf, type Target } from "../ops/operator.js";

/** Replaces every operator that the target has no kernel of by what it is made of. */
export function lower(outputs: readonly Tensor[], target: Target): readonly Tensor[] {
  for (let current = outputs; ; ) {
    let changed = false;
    const next = rewrite(current, (node, inputs) => {
      const lowered = operatorOf(node).lower?.(inputs as unknown as Operands, node.attributes, target);
      if (lowered) changed = true;
      return lowered && ([lowered].flat() as Tensor[]);
    });
    if (!changed) return next;
    current = next;
  }
}
