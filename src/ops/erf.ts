import type { Tensor } from "../graph/tensor.js";
import { greater, less } from "./compare.js";
import { abs, add, div, exp, mul, neg, sign, square, sub, where } from "./elementwise.js";

/** Terms of the series and depth of the continued fraction: with 2.5 between them both reach 1e-14. */
const terms = 34;
const depth = 60;
const border = 2.5;

/**
 * The error function to about 1e-14, where a provider has none of the dtype: near 0 the series
 * `2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!`, beyond it the continued fraction of its complement
 * (Abramowitz and Stegun 1964, 7.1.6 and 7.1.14).
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
  return mul(sign(x), where(greater(z, border), outer, inner));
}

/** {@link preciseErf} of a number. */
export function erfOf(x: number): number {
  const z = Math.abs(x);
  let value = 0;
  if (z < border) {
    for (let n = terms; n > 0; n--) value = ((value + 1) * 2 * z * z) / (2 * n + 1);
    value = (2 / Math.sqrt(Math.PI)) * z * Math.exp(-z * z) * (value + 1);
  } else {
    let fraction = z;
    for (let n = depth; n > 0; n--) fraction = z + n / 2 / fraction;
    value = 1 - Math.exp(-z * z) / (fraction * Math.sqrt(Math.PI));
  }
  return Math.sign(x) * value;
}
