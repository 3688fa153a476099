import { sameShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { countUses, rewrite } from "../graph/walk.js";
import { arithmetic } from "../ops/arithmetic.js";
import { isZero } from "../ops/create.js";
import { indexing } from "../ops/indexing.js";
import { apply, type Operands } from "../ops/operator.js";

/**
 * Adds rows to what their sum would be added to, without scattering them into zeros first. The gradient of a matrix in which words were looked
 * up, and by which others were predicted, is such a sum.
 */
export function scatterOnto(outputs: readonly Tensor[]): readonly Tensor[] {
  const uses = countUses(outputs);
  return rewrite(outputs, ({ operator, inputs: originals, outputs: [result] }, inputs) => {
    if (operator !== arithmetic.Add) return undefined;
    for (const i of [0, 1]) {
      const { source } = inputs[i] as Tensor;
      if (source.kind !== "node" || source.operator !== indexing.ScatterND || uses.get(originals[i] as Tensor) !== 1) continue;
      const [onto, indices, rows] = source.inputs as Operands;
      const other = inputs[1 - i] as Tensor;
      if (isZero(onto) && sameShape(other.shape, (result as Tensor).shape)) return [apply(indexing.ScatterND, [other, indices, rows])];
    }
    return undefined;
  });
}
