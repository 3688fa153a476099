import { sameShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { countUses, rewrite } from "../graph/walk.js";
import { arithmetic } from "../ops/arithmetic.js";
import { isZero } from "../ops/create.js";
import { indexing } from "../ops/indexing.js";
import { isNodeOf, match } from "../ops/match.js";
import { apply } from "../ops/operator.js";

/**
 * Adds scattered rows onto the other term of a sum, in place of zeros. The gradient of an embedding that is also an output layer's weight is such a
 * sum.
 */
export function scatterOnto(outputs: readonly Tensor[]): readonly Tensor[] {
  const uses = countUses(outputs);
  return rewrite(outputs, (node, inputs) => {
    if (!isNodeOf(node, arithmetic.Add)) return undefined;
    const [{ shape }] = node.outputs as readonly [Tensor];
    for (const i of [0, 1]) {
      const scattered = uses.get(node.inputs[i] as Tensor) === 1 ? match(inputs[i] as Tensor, indexing.ScatterND) : undefined;
      if (!scattered) continue;
      const [onto, indices, rows] = scattered.inputs;
      const other = inputs[1 - i] as Tensor;
      if (isZero(onto) && sameShape(onto.shape, shape) && sameShape(other.shape, shape))
        return [apply(indexing.ScatterND, [other, indices, rows])];
    }
    return undefined;
  });
}
