import type { Tensor } from "../graph/tensor.js";
import { add, floor, mul, square, sub } from "./arithmetic.js";

/** π in two parts, of which the first times an integer below 2^13 is exact in float32 (Cody and Waite 1980). */
const piHigh = 3.140625;
const piLow = Math.PI - piHigh;

/** The Taylor coefficients of `sin(r) / r` in r², up to r^10: 1e-7 of the sine at π/2. */
const coefficients = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362_880, -1 / 39_916_800];

/**
 * The sine to float32's precision by arithmetic alone: WGSL promises its own to 2^-11.
 * With `k` the integer nearest to `x/π` and `r = x - kπ`, it is `sin(r)` with the sign of `k`'s parity.
 */
export function preciseSin(x: Tensor): Tensor {
  const k = floor(add(mul(x, 1 / Math.PI), 0.5));
  const r = sub(sub(x, mul(k, piHigh)), mul(k, piLow));
  const squared = square(r);
  const series = coefficients.reduceRight<Tensor | number>((sum, coefficient) => add(mul(sum, squared), coefficient), 0) as Tensor;
  const odd = sub(k, mul(2, floor(mul(k, 0.5))));
  return mul(mul(r, series), sub(1, mul(2, odd)));
}
