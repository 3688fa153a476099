import { sameShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { arithmetic } from "../ops/arithmetic.js";
import { absent, isAbsent } from "../ops/create.js";
import { isNodeOf } from "../ops/match.js";
import { products } from "../ops/matmul.js";
import type { Rule } from "./rules.js";

/**
 * Leaves out matrix products with what is absent, and additions of it: a recurrent network starts from such zeros unless it is given a state, and
 * so the first step's share of its gradients is zero. Zeros that somebody gives are multiplied, since zero times infinity is not zero.
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
