import { exactIntegers, isFloat, promote } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { broadcastOrThrow } from "../graph/shape.js";
import { hostData, type Tensor, type TensorType } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { equal, greater, greaterEqual, less, lessEqual, notEqual } from "./compare.js";
import { checkTensors, operands, scalar, type TensorLike } from "./constants.js";
import { binary, floating, neutral, numeric, promoted, rounding, unary } from "./kinds.js";
import { match } from "./match.js";
import { apply, declare, family } from "./operator.js";

/** Arithmetic. Each rule stands under its derivative. */
export const arithmetic = family({
  Add: binary((m, a, b) => m.add(a, b), [(g) => g, (g) => g], { linearity: "together", commutative: true, simplify: neutral(0) }),
  Sub: binary((m, a, b) => m.sub(a, b), [(g) => g, (g) => neg(g)], { linearity: "together", simplify: neutral(0, false) }),
  Mul: binary((m, a, b) => m.mul(a, b), [(g, [, b]) => mul(g, b), (g, [a]) => mul(g, a)], {
    linearity: "each",
    commutative: true,
    simplify: neutral(1),
  }),
  // d(a/b)/db = -a/b² = -y/b
  Div: binary((m, a, b) => m.div(a, b), [(g, [, b]) => div(g, b), (g, [, b], [y]) => neg(mul(g, div(y, b)))], {
    linearity: "first",
    simplify: neutral(1, false),
    read: (node) => (isFloat(node.input(0).dtype) ? div(node.input(0), node.input(1)) : truncatedDiv(node.input(0), node.input(1))),
  }),
  // a mod b = a - b floor(a/b), exactly; the sign is the divisor's, as in Python
  Mod: binary(
    (m, a, b) => {
      const rest = m.remainder(a, b);
      const [zero, isNegative] = [m.constant(0), (x: typeof a) => m.greater(m.constant(0), x)];
      const isOther = m.and(m.not(m.equal(rest, zero)), m.not(m.equal(isNegative(rest), isNegative(b))));
      return m.select(isOther, m.add(rest, b), rest);
    },
    [(g) => g, (g, [a, b]) => neg(mul(g, floorDiv(a, b)))],
    {
      decompose: ([a, b]) => {
        if (!isFloat(a.dtype)) return sub(a, mul(b, floorDiv(a, b)));
        const rest = remainder(a, b);
        return where(isOtherSign(rest, b), add(rest, b), rest);
      },
      read: (node) => {
        const [a, b] = [node.input(0), node.input(1)];
        if (node.integer("fmod", 0) === 0) return mod(a, b);
        return isFloat(a.dtype) ? remainder(a, b) : sub(a, mul(b, truncatedDiv(a, b)));
      },
    },
  ),
  // What a division cut off towards zero leaves, with the sign of a: C's fmod
  Remainder: binary(
    (m, a, b) => m.remainder(a, b),
    [(g) => g, (g, [a, b]) => neg(mul(g, sub(div(a, b), remainder(div(a, b), scalar(1, a.dtype)))))],
    {
      emit: (emitter, [a, b]) => emitter.node("Mod", [a as string, b as string], { fmod: 1 }),
      decompose: ([a, b]) => {
        const quotient = div(a, b);
        return sub(a, mul(b, mul(sign(quotient), floor(abs(quotient)))));
      },
      read: undefined,
    },
  ),
  // Where both are equal each takes half, as in PyTorch.
  Max: binary((m, a, b) => m.max(a, b), [(g, [a, b]) => mul(g, share(a, b, greater)), (g, [a, b]) => mul(g, share(b, a, greater))], {
    commutative: true,
    decompose: ([a, b]) => where(greaterEqual(a, b), a, where(equal(a, a), b, a)),
    read: (node) => node.rest().reduce(maximum),
  }),
  Min: binary((m, a, b) => m.min(a, b), [(g, [a, b]) => mul(g, share(a, b, less)), (g, [a, b]) => mul(g, share(b, a, less))], {
    commutative: true,
    decompose: ([a, b]) => where(lessEqual(a, b), a, where(equal(a, a), b, a)),
    read: (node) => node.rest().reduce(minimum),
  }),
  Clip: declare<{ low: number; high: number }>({
    infer: ([x]) => x,
    kind: {
      is: "elementwise",
      expression: (m, [x], { low, high }) => {
        const raised = low > Number.NEGATIVE_INFINITY ? m.max(x, m.constant(low)) : x;
        return high < Number.POSITIVE_INFINITY ? m.min(raised, m.constant(high)) : raised;
      },
    },
    gradient: [(g, [x], _, { low, high }) => where(greater(x, low), where(less(x, high), g, 0), 0)],
    // Integers have no infinite bound: it is left out. Where floats lack one, the kernel takes the greatest finite number.
    emit: (emitter, [x], { low, high }, { outputs: [type] }) => {
      const { dtype } = type as TensorType;
      const bounds = [low, high].map((bound) => (isFloat(dtype) || Number.isFinite(bound) ? emitter.scalar(bound, dtype) : ""));
      return emitter.node("Clip", [x as string, ...bounds]);
    },
    roles: { 1: "setting", 2: "setting" },
    read: (node) => {
      const x = node.input(0);
      // Until version 11 the bounds were attributes.
      const bounds = [1, 2].map((index) => (node.optional(index) ? node.whereKnown(index)?.[0] : undefined));
      const isKnown = [1, 2].every((index) => !node.optional(index) || bounds[index - 1] !== undefined);
      const [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
      if (isKnown) return clip(x, bounds[0] ?? node.number("min", low), bounds[1] ?? node.number("max", high));
      const raised = maximum(x, node.optional(1) ?? low);
      return minimum(raised, node.optional(2) ?? high);
    },
  }),
  Neg: {
    ...unary(
      (m, x) => m.neg(x),
      (g) => neg(g),
      ([x]) => sub(0, x),
    ),
    linearity: "together",
    simplify: ([x]) => negatedMultiple(x),
  },
  Abs: unary(
    (m, x) => m.abs(x),
    (g, [x]) => mul(g, sign(x)),
    ([x]) => maximum(x, neg(x)),
  ),
  Sign: unary(
    (m, x) => m.select(m.greater(x, m.constant(0)), m.constant(1), m.select(m.greater(m.constant(0), x), m.constant(-1), x)),
    "nonDifferentiable",
    ([x]) => where(equal(x, x), sub(cast(greater(x, 0), x.dtype), cast(less(x, 0), x.dtype)), x),
  ),
  Floor: unary((m, x) => m.floor(x), "nonDifferentiable"),
  Ceil: unary((m, x) => m.ceil(x), "nonDifferentiable"),
  // Halves go to the even neighbour.
  Round: unary(
    (m, x) => m.nearest(x),
    "nonDifferentiable",
    ([x]) => {
      const low = floor(x);
      const rest = sub(x, low);
      const odd = sub(low, mul(2, floor(mul(low, 0.5))));
      return add(low, where(equal(rest, 0.5), odd, cast(greater(rest, 0.5), x.dtype)));
    },
  ),
  // (x²)' = 2x
  Square: {
    ...unary(
      (m, x) => m.mul(x, x),
      (g, [x]) => mul(mul(g, 2), x),
      ([x]) => mul(x, x),
    ),
    read: undefined,
  },
  // (√x)' = 1 / 2√x
  Sqrt: unary(
    (m, x) => m.sqrt(x),
    (g, _, [y]) => div(mul(g, 0.5), y),
  ),
  // (1/x)' = -1/x²
  Reciprocal: unary(
    (m, x) => m.div(m.constant(1), x),
    (g, _, [y]) => neg(mul(g, mul(y, y))),
  ),
  Where: declare({
    infer: ([condition, a, b]) => ({ dtype: a.dtype, shape: broadcastOrThrow("where", condition.shape, a.shape, b.shape) }),
    kind: { is: "elementwise", expression: (m, [condition, a, b]) => m.select(condition, a, b) },
    gradient: [undefined, (g, [condition]) => where(condition, g, 0), (g, [condition]) => where(condition, 0, g)],
    read: (node) => where(node.input(0), node.input(1), node.input(2)),
  }),
});

/** `-(s x)` of one number `s` and many `x` is `(-s) x`. */
function negatedMultiple(product: Tensor): Tensor | undefined {
  const [a, b] = (isFloat(product.dtype) && match(product, arithmetic.Mul)?.inputs) || [];
  if (!a || !b || product.size === 1) return undefined;
  if (a.size === 1) return mul(neg(a), b);
  return b.size === 1 ? mul(a, neg(b)) : undefined;
}

/** 1 where `beats(a, b)`, a half where they are equal. */
const share = (a: Tensor, b: Tensor, beats: (a: Tensor, b: Tensor) => Tensor): Tensor =>
  where(equal(a, b), scalar(0.5, a.dtype), cast(beats(a, b), a.dtype));

/** `a + b`. */
export const add = (a: TensorLike, b: TensorLike): Tensor => promoted(arithmetic.Add, a, b);
/** `a - b`. */
export const sub = (a: TensorLike, b: TensorLike): Tensor => promoted(arithmetic.Sub, a, b);
/** `a b`, element by element. */
export const mul = (a: TensorLike, b: TensorLike): Tensor => promoted(arithmetic.Mul, a, b);
/** `a / b`; of integers too a fraction (see {@link floorDiv}). */
export function div(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = operands("Div", a, b) as [Tensor, Tensor];
  const dtype = promote(x.dtype, y.dtype);
  const float = isFloat(dtype) ? dtype : "float32";
  return apply(arithmetic.Div, [cast(x, float), cast(y, float)]);
}
/** The largest integer not above `a / b`. */
export function floorDiv(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = operands("floorDiv", a, b) as [Tensor, Tensor];
  const dtype = promote(x.dtype, y.dtype);
  if (isFloat(dtype)) {
    const [n, d] = [cast(x, dtype), cast(y, dtype)];
    const rest = remainder(n, d);
    // n less the rest is a multiple of d: the quotient is an integer but for rounding, unlike that of n itself.
    const quotient = sub(round(div(sub(n, rest), d)), cast(isOtherSign(rest, d), dtype));
    return where(equal(d, 0), floor(div(n, d)), quotient);
  }
  const wide = dtype === "int64" ? "int64" : "int32";
  const [n, d] = [cast(x, wide), cast(y, wide)];
  // Cut off towards zero: one less where there is a remainder and the signs differ.
  const quotient = truncatedDiv(n, d);
  const rest = sub(n, mul(quotient, d));
  return cast(sub(quotient, cast(less(mul(sign(rest), sign(d)), 0), wide)), dtype === "bool" ? "int32" : dtype);
}
/** The quotient of integers, cut off towards zero. */
const truncatedDiv = (a: Tensor, b: Tensor): Tensor => {
  const dtype = promote(a.dtype, b.dtype);
  const wide = dtype === "int64" ? "int64" : "int32";
  const [n, d] = [cast(a, wide), cast(b, wide)];
  return cast(
    overSafe(n, d, (safe) => apply(arithmetic.Div, [n, safe]), neg),
    dtype,
  );
};
/** `a - b floor(a / b)`: the remainder, with the divisor's sign. */
export function mod(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = operands("mod", a, b) as [Tensor, Tensor];
  const dtype = promote(x.dtype, y.dtype);
  if (isFloat(dtype)) return promoted(arithmetic.Mod, x, y);
  const wide = dtype === "int64" ? "int64" : "int32";
  const [n, d] = [cast(x, wide), cast(y, wide)];
  const rest = overSafe(
    n,
    d,
    (safe) => apply(arithmetic.Mod, [n, safe]),
    () => scalar(0, wide),
  );
  return cast(rest, dtype === "bool" ? "int32" : dtype);
}
/** C's fmod of floats. */
const remainder = (a: Tensor, b: Tensor): Tensor => apply(arithmetic.Remainder, [a, b]);
/** Whether a remainder is not 0 and has another sign than the divisor. */
const isOtherSign = (rest: Tensor, divisor: Tensor): Tensor =>
  where(equal(rest, 0), scalar(false, "bool"), notEqual(cast(less(rest, 0), "int32"), cast(less(divisor, 0), "int32")));
/** A quotient of integers by a divisor that is safe: the least integer by -1 ends the process in ONNX Runtime, so `byMinusOne` says what that is. */
function overSafe(n: Tensor, d: Tensor, quotient: (divisor: Tensor) => Tensor, byMinusOne: (n: Tensor) => Tensor): Tensor {
  const data = d.size === 1 ? hostData(d) : undefined;
  if (data && Number(data[0]) !== -1) return quotient(d);
  const isMinusOne = equal(d, -1);
  return where(isMinusOne, byMinusOne(n), quotient(where(isMinusOne, 1, d)));
}
/** The greater of the two; where they are equal the gradient is shared. */
export const maximum = (a: TensorLike, b: TensorLike): Tensor => promoted(arithmetic.Max, a, b);
/** The lesser of the two; where they are equal the gradient is shared. */
export const minimum = (a: TensorLike, b: TensorLike): Tensor => promoted(arithmetic.Min, a, b);
/** `x` held between `low` and `high`; no gradient at them or beyond. Fractional bounds make a fraction of an integer; those beyond its dtype are its ends. */
export function clip(x: TensorLike, low: number, high: number): Tensor {
  const [tensor] = operands("clip", x) as [Tensor];
  check(
    [low, high].every((bound) => typeof bound === "number" && !Number.isNaN(bound)),
    () => `clip: the bounds ${low} and ${high}: expected numbers`,
  );
  const isFraction = [low, high].some((bound) => Number.isFinite(bound) && !Number.isInteger(bound));
  if (isFloat(tensor.dtype)) return apply(arithmetic.Clip, [tensor], { low, high });
  if (isFraction) return clip(cast(tensor, "float32"), low, high);
  const { dtype } = tensor;
  const [least, greatest] = dtype === "int64" ? [-(2 ** 63), 2 ** 63 - 1024] : exactIntegers(dtype === "bool" ? "int32" : dtype);
  return numeric(arithmetic.Clip, tensor, {
    low: low <= least ? Number.NEGATIVE_INFINITY : Math.min(low, greatest),
    high: high >= greatest ? Number.POSITIVE_INFINITY : Math.max(high, least),
  });
}
/** `-x`. */
export const neg = (x: TensorLike): Tensor => numeric(arithmetic.Neg, x);
/** `|x|`. */
export const abs = (x: TensorLike): Tensor => numeric(arithmetic.Abs, x);
/** -1, 0 or 1. */
export const sign = (x: TensorLike): Tensor => numeric(arithmetic.Sign, x);
/** The largest integer not above `x`. */
export const floor = (x: TensorLike): Tensor => rounding(arithmetic.Floor, x);
/** The smallest integer not below `x`. */
export const ceil = (x: TensorLike): Tensor => rounding(arithmetic.Ceil, x);
/** The nearest integer, halves to even. */
export const round = (x: TensorLike): Tensor => rounding(arithmetic.Round, x);
/** `x²`. */
export const square = (x: TensorLike): Tensor => numeric(arithmetic.Square, x);
/** `√x`. */
export const sqrt = (x: TensorLike): Tensor => floating(arithmetic.Sqrt, x);
/** `1 / √x`. */
export const rsqrt = (x: TensorLike): Tensor => reciprocal(sqrt(x));
/** `1 / x`. */
export const reciprocal = (x: TensorLike): Tensor => floating(arithmetic.Reciprocal, x);
/** `a` where the condition is true, else `b`; the three broadcast. */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  checkTensors("where", condition);
  const [x, y] = operands("where", a, b) as [Tensor, Tensor];
  const dtype = promote(x.dtype, y.dtype);
  const wide = dtype === "bool" || dtype === "int8" ? "int32" : dtype;
  return cast(apply(arithmetic.Where, [cast(condition, "bool"), cast(x, wide), cast(y, wide)]), dtype);
}

/** The faces that tensors have as methods too. */
export const arithmeticMethods = {
  add,
  sub,
  mul,
  div,
  floorDiv,
  mod,
  maximum,
  minimum,
  clip,
  neg,
  abs,
  sign,
  floor,
  ceil,
  round,
  square,
  sqrt,
  rsqrt,
  reciprocal,
  where,
};
