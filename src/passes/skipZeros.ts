import { sameShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { rewrite } from "../graph/walk.js";
import { arithmetic } from "../ops/arithmetic.js";
import { isZero, zeros } from "../ops/create.js";
import { products } from "../ops/matmul.js";

/**
 * Leaves out matrix products with zeros, and additions of them: a recurrent network starts from zeros unless it is given a state, and so
 * the first step's share of its gradients is zero. (That zero times infinity is no number is lost.)
 */
export function skipZeros(outputs: readonly Tensor[]): readonly Tensor[] {
  return rewrite(outputs, ({ operator, outputs: [result] }, inputs) => {
    const { shape, dtype } = result as Tensor;
    if (operator === products.MatMul || operator === products.Gemm) return inputs.some(isZero) ? [zeros(shape, dtype)] : undefined;
    if (operator !== arithmetic.Add) return undefined;
    const kept = inputs.find((x, i) => sameShape(x.shape, shape) && isZero(inputs[1 - i] as Tensor));
    return kept && [kept];
  });
}
