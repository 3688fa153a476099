import { promote } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { div, sqrt, square, sub } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { meanSquaredError } from "../ops/loss.js";
import { mean, sum } from "../ops/reduce.js";

export { meanAbsoluteError } from "../ops/loss.js";

/** The root of the mean squared error, in the unit of the targets: a scalar. */
export const rootMeanSquaredError = (predicted: Tensor, target: Tensor): Tensor => sqrt(meanSquaredError(predicted, target));

/**
 * The coefficient of determination `1 - Σ (t - p)² / Σ (t - mean t)²`, a scalar. 1 is perfect, 0 as good as the mean of the targets,
 * below 0 worse. With targets that are all equal it is not finite.
 */
export function rSquared(predicted: Tensor, target: Tensor): Tensor {
  check(
    sameShape(predicted.shape, target.shape) && target.size > 0,
    () => `rSquared: predictions ${showShape(predicted.shape)} and targets ${showShape(target.shape)}: expected one shape, not empty`,
  );
  const dtype = promote("float32", promote(predicted.dtype, target.dtype));
  const [p, t] = [cast(predicted, dtype), cast(target, dtype)];
  return sub(1, div(sum(square(sub(t, p))), sum(square(sub(t, mean(t))))));
}
