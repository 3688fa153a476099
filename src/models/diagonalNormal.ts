import type { Tensor } from "../graph/tensor.js";
import { add, div, mul, square, sub } from "../ops/arithmetic.js";
import { exp } from "../ops/elementary.js";

/** Independent normal distributions, one for each element; both tensors have the same shape. */
export interface DiagonalNormal {
  readonly mean: Tensor;
  readonly logVariance: Tensor;
}

/** A point of a distribution for standard normal `noise`, which broadcasts (the reparameterisation trick; Kingma and Welling 2014, section 2.4). */
export const reparameterize = ({ mean, logVariance }: DiagonalNormal, noise: Tensor): Tensor =>
  add(mean, mul(exp(mul(logVariance, 0.5)), noise));

/**
 * The Kullback-Leibler divergence of `q` from `p` in each element, in nats: `(ln p - ln q + (q + (mean_q - mean_p)²) / p - 1) / 2` of their
 * variances; without `p` that from standard normal distributions (Kingma and Welling 2014, appendix B).
 */
export function normalDivergence(q: DiagonalNormal, p?: DiagonalNormal): Tensor {
  const spread = add(exp(q.logVariance), square(p ? sub(q.mean, p.mean) : q.mean));
  const relative = p ? add(div(spread, exp(p.logVariance)), p.logVariance) : spread;
  return mul(sub(relative, add(q.logVariance, 1)), 0.5);
}
