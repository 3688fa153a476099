import { extractFloat, type Opcode, opcodes, replaceFloat, shuffle } from "../assembly/assembler.js";
import { unsigned } from "../assembly/leb128.js";
import { imports } from "./imports.js";
import type { Element, Value, Values } from "./values.js";

// The elementary functions of four float32 lanes, without a branch, each to 1e-6 of its result or better (test/wasm/functions.test.ts).

/** Arithmetic on floats, and on their bits. */
function arithmetic(values: Values) {
  const binary = (code: Opcode) => (a: Value, b: Value | number) => values.make(code, [a, typeof b === "number" ? values.constant(b) : b]);
  const onBits = (code: Opcode) => (a: Value, b: Value | number) =>
    values.make(code, [a, typeof b === "number" ? values.bits(b, "int32") : b], "int32");
  const shifted = (code: Opcode) => (a: Value, by: number) => values.make(code, [a, values.integer(by)], "int32");
  const [add, mul] = [binary("f32x4.add"), binary("f32x4.mul")];
  return {
    add,
    sub: binary("f32x4.sub"),
    mul,
    div: binary("f32x4.div"),
    /** The lesser and the greater; a NaN on the left stays. */
    least: binary("f32x4.pmin"),
    most: binary("f32x4.pmax"),
    abs: (x: Value) => values.make("f32x4.abs", [x]),
    and: onBits("v128.and"),
    or: onBits("v128.or"),
    xor: onBits("v128.xor"),
    plus: onBits("i32x4.add"),
    minus: onBits("i32x4.sub"),
    left: shifted("i32x4.shl"),
    right: shifted("i32x4.shr_s"),
    is: (x: Value, bits: number) => values.make("i32x4.eq", [x, values.bits(bits, "int32")], "bool"),
    greater: binary("f32x4.gt"),
    equal: binary("f32x4.eq"),
    select: (condition: Value, a: Value, b: Value) => values.make("v128.bitselect", [a, b, condition], a.element),
    float: (x: Value) => values.as(x, "float32"),
    /** `((c₀ x + c₁) x + c₂) ...` */
    polynomial: (x: Value, coefficients: readonly number[]) =>
      coefficients.slice(1).reduce((sum, c) => add(mul(sum, x), c), values.constant(coefficients[0] as number)),
  };
}

/** ln 2 in two parts, of which the first times an integer of 9 bits is exact. */
const [ln2High, ln2Low] = [0.693359375, -2.1219444e-4];

/** Added to a float of magnitude below 2²² it leaves the nearest integer in the low bits. */
const magic = 12_582_912;
const magicBits = 0x4b400000;

/**
 * With `n` the integer nearest to `x / ln 2`, `e^x = 2ⁿ e^(x - n ln 2)`; the polynomial is that of Moshier's Cephes, `expf`.
 * 2ⁿ is multiplied in by two halves, so that neither leaves the range before the result does.
 */
export function expOf(values: Values, x: Value): Value {
  const m = arithmetic(values);
  const held = m.least(m.most(x, -104), 89);
  const shifted = m.add(m.mul(held, Math.LOG2E), magic);
  const n = m.minus(shifted, magicBits);
  const rounded = m.sub(shifted, magic);
  const r = m.sub(m.sub(held, m.mul(rounded, ln2High)), m.mul(rounded, ln2Low));
  const series = m.polynomial(r, [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 0.16666665459, 0.50000001201]);
  const power = m.add(m.add(m.mul(series, m.mul(r, r)), r), 1);
  const half = m.right(n, 1);
  const scale = (exponent: Value) => m.float(m.left(m.plus(exponent, 127), 23));
  return m.mul(m.mul(power, scale(half)), scale(m.minus(n, half)));
}

/** With `x = 2ᵉ f` and `f` around 1, `ln x = e ln 2 + ln f`; the polynomial is that of Moshier's Cephes, `logf`. */
export function logOf(values: Values, x: Value): Value {
  const m = arithmetic(values);
  // Subnormal numbers are scaled up first.
  const isSmall = m.greater(values.constant(2 ** -126), x);
  const scaled = m.select(isSmall, m.mul(x, 2 ** 23), x);
  // Taking off the bits of √½ makes the exponent that of the fraction between √½ and √2.
  const rest = m.minus(scaled, 0x3f3504f3);
  const exponent = m.right(rest, 23);
  const f = m.sub(m.float(m.plus(m.and(rest, 0x007fffff), 0x3f3504f3)), 1);
  const e = m.sub(values.make("f32x4.convert_i32x4_s", [exponent]), m.float(m.and(isSmall, 0x41b80000)));
  const squared = m.mul(f, f);
  const series = m.polynomial(
    f,
    [
      7.0376836292e-2, -0.1151461031, 0.1167699874, -0.12420140846, 0.14249322787, -0.16668057665, 0.20000714765, -0.24999993993,
      0.33333331174,
    ],
  );
  const small = m.sub(m.add(m.mul(m.mul(series, f), squared), m.mul(e, ln2Low)), m.mul(squared, 0.5));
  const result = m.add(m.add(f, small), m.mul(e, ln2High));
  const isPositive = m.greater(x, 0);
  const outside = m.select(m.equal(x, 0), values.constant(Number.NEGATIVE_INFINITY), values.constant(Number.NaN));
  return m.select(m.is(x, 0x7f800000), x, m.select(isPositive, result, outside));
}

/** A rational function of x, as Eigen's `ptanh` has it (and ONNX Runtime after it); beyond its range the result is ±1 in float32. */
export function tanhOf(values: Values, x: Value): Value {
  const m = arithmetic(values);
  const held = m.least(m.most(x, -7.905311107635498), 7.905311107635498);
  const squared = m.mul(held, held);
  const above = m.polynomial(
    squared,
    [
      -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8, 1.48572235717979e-5, 6.37261928875436e-4,
      4.89352455891786e-3,
    ],
  );
  const below = m.polynomial(squared, [1.19825839466702e-6, 1.18534705686654e-4, 2.268434632439e-3, 4.89352518554385e-3]);
  return m.div(m.mul(held, above), below);
}

/**
 * With `k` the integer nearest to `x / (π/2)` and `r = x - k π/2`, taken in float64, it is `sin r` or `cos r` with a sign, as `k` says;
 * the polynomials are those of Moshier's Cephes, `sinf` and `cosf`.
 */
function circular(values: Values, x: Value, quarter: number): Value {
  const m = arithmetic(values);
  const inFloat64 = (value: number) => {
    const [low, high] = new Int32Array(Float64Array.of(value).buffer) as unknown as [number, number];
    return values.lanes([low, high, low, high], "float32");
  };
  const quarters = (wide: Value) => values.make("f64x2.nearest", [values.make("f64x2.mul", [wide, inFloat64(2 / Math.PI)])]);
  const r = inDoubles(
    values,
    [x],
    "f64x2.promote_low_f32x4",
    (wide) => values.make("f64x2.sub", [wide as Value, values.make("f64x2.mul", [quarters(wide as Value), inFloat64(Math.PI / 2)])]),
    "f32x4.demote_f64x2_zero",
    "float32",
  );
  const k = inDoubles(values, [x], "f64x2.promote_low_f32x4", (wide) => quarters(wide as Value), "i32x4.trunc_sat_f64x2_s_zero", "int32");
  const quadrant = m.plus(k, quarter);
  const squared = m.mul(r, r);
  const sine = m.add(m.mul(m.mul(m.polynomial(squared, [-1.9515295891e-4, 8.3321608736e-3, -0.16666654611]), squared), r), r);
  const cosine = m.add(
    m.sub(
      m.mul(m.mul(m.polynomial(squared, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]), squared), squared),
      m.mul(squared, 0.5),
    ),
    1,
  );
  const value = m.select(m.is(m.and(quadrant, 1), 1), cosine, sine);
  return m.float(m.xor(value, m.left(m.and(quadrant, 2), 30)));
}

/** Beyond this a float64 does not hold the multiple of π/2 well enough. */
const mostReduced = 2 ** 17;

/** `result`, but where a lane of `x` is too large to be reduced, each lane is computed outside. */
function unlessLarge(values: Values, x: Value, result: Value, imported: number): Value {
  const [given, found, isAny] = [values.code.local("v128"), values.code.local("v128"), values.code.local("i32")];
  const isLarge = values.make("f32x4.gt", [values.make("f32x4.abs", [x]), values.constant(mostReduced)], "bool");
  const get = (local: number) => unsigned(local, [0x20]);
  const set = (local: number) => unsigned(local, [0x21]);
  const lanes = [0, 1, 2, 3].flatMap((lane) => [
    ...[...get(found), ...get(given), ...extractFloat(lane), ...opcodes["f64.promote_f32"]],
    ...[...unsigned(imported, [0x10]), ...opcodes["f32.demote_f64"], ...replaceFloat(lane), ...set(found)],
  ]);
  // On the stack: the result, whether x is large, x.
  const code = [...set(given), ...opcodes["v128.any_true"], ...unsigned(isAny, [0x21]), ...set(found), ...unsigned(isAny, [0x20])];
  return values.make([...code, ...opcodes.if, ...lanes, ...opcodes.end, ...get(found)], [result, isLarge, x]);
}

/** The sine of zero is that zero, also the negative one. */
export function sinOf(values: Values, x: Value): Value {
  const m = arithmetic(values);
  return m.select(m.equal(x, 0), x, unlessLarge(values, x, circular(values, x, 0), imports.sin));
}
export const cosOf = (values: Values, x: Value): Value => unlessLarge(values, x, circular(values, x, 1), imports.cos);

/**
 * Up to 1 an odd polynomial, beyond it `1 - e^q(x)` with a polynomial q, both fitted to the function in float64 by weighted least squares
 * (reweighted until the greatest error no longer fell: 1.2e-9 of the result, and 1.6e-9); from 4 on it is 1 in float32.
 */
export function erfOf(values: Values, x: Value): Value {
  const m = arithmetic(values);
  const magnitude = m.least(m.abs(x), 4);
  const squared = m.mul(x, x);
  const near = m.mul(
    x,
    m.polynomial(
      squared,
      [
        7.889119240867116e-5, -8.020841190164753e-4, 5.189535328865265e-3, -2.6854444586127492e-2, 0.11283600176105937, -0.376126271359497,
        1.1283791659137477,
      ],
    ),
  );
  const exponent = m.polynomial(
    magnitude,
    [
      1.9718262409198185e-4, -3.0556157131101393e-3, 2.2277117112439758e-2, -0.10403741714467343, -0.637059692622238, -1.1277495956601817,
      -1.774872294140195e-4,
    ],
  );
  const sign = m.and(x, -0x80000000);
  const far = m.float(m.or(m.sub(values.constant(1), expOf(values, exponent)), sign));
  return m.select(m.greater(m.abs(x), 1), far, near);
}

/** Applies `body` to both halves of vectors as float64, and joins the results to four lanes again. */
export function inDoubles(
  values: Values,
  operands: readonly Value[],
  widen: Opcode,
  body: (...operands: Value[]) => Value,
  narrow: Opcode,
  element: Element,
): Value {
  const half = (lanes: readonly number[]) =>
    values.make(
      narrow,
      [body(...operands.map((x) => values.make(widen, [lanes[0] === 0 ? x : values.make(shuffle(lanes), [x, x])])))],
      element,
    );
  return values.make(shuffle([0, 1, 4, 5]), [half([0, 1, 2, 3]), half([2, 3, 2, 3])], element);
}
