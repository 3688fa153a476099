import { sameShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { arithmetic, mul, where } from "../ops/arithmetic.js";
import { whereFinite } from "../ops/branch.js";
import { cast } from "../ops/cast.js";
import { isZero } from "../ops/create.js";
import { isNodeOf } from "../ops/match.js";
import type { Rule } from "./rules.js";

/** Smaller tensors gain nothing. */
const least = 2 ** 13;

/**
 * Multiplies by 1 or 0 what is chosen where a condition holds, else 0, as the gradient of a ReLU is. ONNX Runtime's CPU kernel chooses by branches, six
 * times as slowly where the conditions are mixed. Where an element is infinite or no number, 0 times it would not be 0: then it is chosen.
 */
export const selectByProduct: Rule = (node, inputs, { selectsByBranches }) => {
  if (!selectsByBranches || !isNodeOf(node, arithmetic.Where)) return undefined;
  const [condition, x, other] = inputs as readonly [Tensor, Tensor, Tensor];
  const [{ shape, size }] = node.outputs as readonly [Tensor];
  const fits =
    x.dtype === "float32" && size >= least && x.size > 1 && sameShape(condition.shape, shape) && other.size === 1 && isZero(other);
  if (!fits) return undefined;
  return [
    whereFinite(
      [x],
      [condition, x],
      (condition, x) => mul(x, cast(condition, x.dtype)),
      (condition, x) => where(condition, x, 0),
    ),
  ];
};
