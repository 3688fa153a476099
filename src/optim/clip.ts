import type { Tensor } from "../graph/tensor.js";
import { add, clip, div, maximum, mul, sqrt, square } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { sum } from "../ops/reduce.js";

/** Each element held between `-limit` and `limit`. */
export const clipByValue = (gradients: readonly Tensor[], limit: number): Tensor[] => gradients.map((g) => clip(g, -limit, limit));

/** The Euclidean norm of all gradients together, as if they were one vector. */
export const globalNorm = (gradients: readonly Tensor[]): Tensor => sqrt(gradients.map((g) => sum(square(g))).reduce(add));

/**
 * All gradients scaled down together so that their {@link globalNorm} is at most `limit`: `g limit / max(norm, limit)`
 * (Pascanu et al. 2013, On the difficulty of training recurrent neural networks, algorithm 1).
 */
export function clipByGlobalNorm(gradients: readonly Tensor[], limit: number): Tensor[] {
  const scale = div(limit, maximum(globalNorm(gradients), limit));
  return gradients.map((g) => mul(g, cast(scale, g.dtype)));
}
