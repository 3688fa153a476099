import { sameShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { arithmetic } from "../ops/arithmetic.js";
import { absent, isAbsent } from "../ops/create.js";
import { isNodeOf } from "../ops/match.js";
import { products } from "../ops/matmul.js";
import type { Rule } from "./rules.js";

/**
 * Removes matrix products with absent values, and additions of them. A recurrent network without an initial state starts from such zeros, so its first
 * step adds nothing to some gradients. Zeros that a user gives are multiplied, since 0 times infinity is NaN.
 */
export const skipZeros: Rule = (node, inputs) => {
  const [{ shape, dtype }] = node.outputs as readonly [Tensor];
  if (isNodeOf(node, products.MatMul, products.Gemm)) {
    return inputs.length === 2 && inputs.some(isAbsent) ? [absent(shape, dtype)] : undefined;
  }
  if (!isNodeOf(node, arithmetic.Add)) return undefined;
  const kept = inputs.find((x, i) => sameShape(x.shape, shape) && isAbsent(inputs[1 - i] as Tensor));
  return kept && [kept];
};
