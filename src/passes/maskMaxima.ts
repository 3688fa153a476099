import { arithmetic, where } from "../ops/arithmetic.js";
import { compare, greater } from "../ops/compare.js";
import { isZero } from "../ops/create.js";
import { isNodeOf, match } from "../ops/match.js";
import { apply } from "../ops/operator.js";
import { pool } from "../ops/pool.js";
import type { Rule } from "./rules.js";

/**
 * Takes the gradient of a ReLU before that of the max pooling behind it, where there are fewer elements: a place that holds the maximum of its window
 * is above 0 where the maximum is.
 */
export const maskMaxima: Rule = (node, inputs) => {
  if (!isNodeOf(node, arithmetic.Where)) return undefined;
  const [condition, x, other] = inputs as typeof node.inputs;
  const [isAbove, pooled] = [match(condition, compare.Greater), match(x, pool.MaxPoolGradient)];
  if (!isAbove || !pooled || isAbove.inputs[0] !== pooled.inputs[0] || !isZero(isAbove.inputs[1]) || !isZero(other)) return undefined;
  if (isAbove.inputs[1].size !== 1 || other.size !== 1) return undefined;
  const [image, maxima, gradient] = pooled.inputs;
  return [apply(pool.MaxPoolGradient, [image, maxima, where(greater(maxima, 0), gradient, 0)], pooled.attributes)];
};
