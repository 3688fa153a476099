import { isFloat, promote } from "../graph/dtype.js";
import { broadcastOrThrow } from "../graph/shape.js";
import { hostData, type Tensor } from "../graph/tensor.js";
import { expm1Of, log1pOf, uncorrected } from "./algebra.js";
import { abs, add, div, floorDiv, mul, neg, square, sub, where } from "./arithmetic.js";
import { cast } from "./cast.js";
import { equal, greater, greaterEqual, less, logicalNot } from "./compare.js";
import { operands, type TensorLike } from "./constants.js";
import { onesLike } from "./create.js";
import { binary, floating, promoted, unary } from "./kinds.js";
import { logicalAnd } from "./logic.js";
import { asOperands, family, operatorOf } from "./operator.js";
import { expand } from "./shapes.js";
import { preciseSin } from "./trigonometry.js";

/** Powers, the exponential function, logarithms and trigonometry. Each rule stands under its derivative. */
export const elementary = family({
  // d(aᵇ)/da = b aᵇ⁻¹; d(aᵇ)/db = aᵇ ln a, which is 0 where a is 0 and b is not below it
  Pow: binary(
    (m, a, b) => m.pow(a, b),
    [
      (g, [a, b]) => mul(g, where(equal(b, 0), 0, mul(b, pow(a, sub(b, 1))))),
      (g, [a, b], [y]) => {
        const isZero = logicalAnd(equal(a, 0), greaterEqual(b, 0));
        return mul(g, where(isZero, 0, mul(y, log(where(isZero, 1, a)))));
      },
    ],
    {
      roles: { 1: "setting" },
      // The result has the type of the base.
      read: (node) => {
        const [base, exponent] = [node.input(0), node.input(1)];
        if (exponent.size === 1 && exponent.rank <= base.rank && node.whereKnown(1)?.[0] === 2) return square(base);
        return isFloat(base.dtype) ? pow(base, cast(exponent, base.dtype)) : cast(pow(base, exponent), base.dtype);
      },
    },
  ),
  Exp: unary(
    (m, x) => m.exp(x),
    (g, _, [y]) => mul(g, y),
  ),
  Log: {
    ...unary(
      (m, x) => m.log(x),
      (g, [x]) => div(g, x),
    ),
    refine: ([{ source }]) =>
      source.kind === "node" ? operatorOf(source).logarithm?.(asOperands(source.inputs), source.attributes) : undefined,
  },
  // ln(1 + x) without the loss of digits near 0: Kahan's correction by the rounding of 1 + x (Goldberg 1991, theorem 4)
  Log1p: {
    ...unary(
      log1pOf,
      (g, [x]) => div(g, add(x, 1)),
      ([x]) => {
        const u = add(x, 1);
        const d = sub(u, 1);
        const correction = where(less(x, uncorrected), div(x, where(equal(d, 0), 1, d)), 1);
        return where(equal(d, 0), x, mul(log(u), correction));
      },
    ),
    read: undefined,
  },
  // eˣ - 1, likewise (Kahan; Higham, Accuracy and Stability of Numerical Algorithms, 2002, page 22)
  Expm1: {
    ...unary(
      expm1Of,
      (g, [x]) => mul(g, exp(x)),
      ([x]) => {
        const u = exp(x);
        const near = logicalAnd(less(abs(x), 0.5), logicalNot(equal(u, 1)));
        const safe = where(near, u, 2);
        return where(near, div(mul(sub(safe, 1), x), log(safe)), where(equal(u, 1), x, sub(u, 1)));
      },
    ),
    read: undefined,
  },
  Sin: unary(
    (m, x) => m.sin(x),
    (g, [x]) => mul(g, cos(x)),
    ([x]) => preciseSin(x),
  ),
  Cos: unary(
    (m, x) => m.cos(x),
    (g, [x]) => neg(mul(g, sin(x))),
    // Half of x is exact, where x + π/2 is rounded.
    ([x]) => sub(1, mul(2, square(sin(mul(x, 0.5))))),
  ),
  // tanh' = 1 - tanh²
  Tanh: unary(
    (m, x) => m.tanh(x),
    (g, _, [y]) => mul(g, sub(1, mul(y, y))),
  ),
});

/** `a` to the power of `b`; of integers modulo 2^bits of their dtype, and cut off towards 0 where `b` is negative. */
export function pow(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = operands("pow", a, b) as [Tensor, Tensor];
  const dtype = promote(x.dtype, y.dtype);
  if (isFloat(dtype)) return promoted(elementary.Pow, x, y);
  const wide = dtype === "int64" ? "int64" : "int32";
  return cast(integerPower(cast(x, wide), cast(y, wide)), dtype === "bool" ? "int32" : dtype);
}

/** By squaring: the product of the powers of two that the exponent's bits stand for. Kernels go through floating-point numbers. */
function integerPower(a: Tensor, b: Tensor): Tensor {
  const known = b.size === 1 ? hostData(b) : undefined;
  if (known && Number(known[0]) >= 0) {
    const shape = broadcastOrThrow("pow", a.shape, b.shape);
    const power = (exponent: bigint): Tensor => {
      if (exponent <= 1n) return exponent === 1n ? a : onesLike(a);
      const half = power(exponent / 2n);
      return exponent % 2n === 1n ? mul(mul(half, half), a) : mul(half, half);
    };
    return expand(power(BigInt(known[0] as number | bigint)), shape);
  }
  // The inverse of an integer but 1 and -1 is cut off to 0.
  let base = where(logicalAnd(less(b, 0), greater(abs(a), 1)), 0, a);
  let rest = abs(b);
  let result = onesLike(base);
  for (let bit = 0; bit < (a.dtype === "int64" ? 63 : 31); bit++) {
    const half = floorDiv(rest, 2);
    result = where(equal(rest, mul(half, 2)), result, mul(result, base));
    [base, rest] = [mul(base, base), half];
  }
  return result;
}
/** `eˣ`. */
export const exp = (x: TensorLike): Tensor => floating(elementary.Exp, x);
/** The natural logarithm. */
export const log = (x: TensorLike): Tensor => floating(elementary.Log, x);
/** `ln(1 + x)`, exact for small `x`. */
export const log1p = (x: TensorLike): Tensor => floating(elementary.Log1p, x);
/** `eˣ - 1`, exact for small `x`. */
export const expm1 = (x: TensorLike): Tensor => floating(elementary.Expm1, x);
/** The sine of `x` radians. */
export const sin = (x: TensorLike): Tensor => floating(elementary.Sin, x);
/** The cosine of `x` radians. */
export const cos = (x: TensorLike): Tensor => floating(elementary.Cos, x);
/** The hyperbolic tangent. */
export const tanh = (x: TensorLike): Tensor => floating(elementary.Tanh, x);

/** The faces that tensors have as methods too. */
export const elementaryMethods = { pow, exp, log, log1p, expm1, sin, cos, tanh };
