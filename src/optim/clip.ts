import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { add, clip, div, maximum, mul, sqrt, square } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { scalar } from "../ops/constants.js";
import { sum } from "../ops/reduce.js";

/** Each element held between `-limit` and `limit`. */
export function clipByValue(gradients: readonly Tensor[], limit: number): Tensor[] {
  check(limit > 0, () => `clipByValue: limit ${limit}: expected a number above 0`);
  return gradients.map((g) => clip(g, -limit, limit));
}

/** The Euclidean norm of all gradients together, as if they were one vector; of none it is 0. That of float16 ones is float32. */
export const globalNorm = (gradients: readonly Tensor[]): Tensor =>
  sqrt(gradients.map((g) => sum(square(g.dtype === "float16" ? cast(g, "float32") : g))).reduce(add, scalar(0, "float32")));

/**
 * All gradients scaled down together so that their {@link globalNorm} is at most `limit`: `g limit / max(norm, limit)`
 * (Pascanu et al. 2013, On the difficulty of training recurrent neural networks, algorithm 1).
 */
export function clipByGlobalNorm(gradients: readonly Tensor[], limit: number): Tensor[] {
  check(limit > 0, () => `clipByGlobalNorm: limit ${limit}: expected a number above 0`);
  if (limit === Number.POSITIVE_INFINITY) return [...gradients];
  const scale = div(limit, maximum(globalNorm(gradients), limit));
  return gradients.map((g) => mul(g, cast(scale, g.dtype)));
}
