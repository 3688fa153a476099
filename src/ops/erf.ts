import type { Tensor } from "../graph/tensor.js";
import { erfSettings } from "./algebra.js";
import { abs, add, div, mul, neg, sign, square, sub, where } from "./arithmetic.js";
import { less } from "./compare.js";
import { exp } from "./elementary.js";

const { terms, depth, border } = erfSettings;

/**
 * The error function as it is computed of a number (see algebra.ts), where a provider has none of the dtype.
 */
export function preciseErf(x: Tensor): Tensor {
  const z = abs(x);
  const near = where(less(z, border), z, 0);
  let series: Tensor = mul(near, 0);
  for (let n = terms; n > 0; n--) series = div(mul(mul(square(near), 2), add(series, 1)), 2 * n + 1);
  const inner = mul(mul(2 / Math.sqrt(Math.PI), mul(near, exp(neg(square(near))))), add(series, 1));
  const far = where(less(z, border), border, z);
  let fraction: Tensor = far;
  for (let n = depth; n > 0; n--) fraction = add(far, div(n / 2, fraction));
  const outer = sub(1, div(exp(neg(square(far))), mul(fraction, Math.sqrt(Math.PI))));
  return mul(sign(x), where(less(z, border), inner, outer));
}
