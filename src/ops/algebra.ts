import { convert, type DType, elementAt } from "../graph/dtype.js";

/**
 * What elementwise operators are made of. An operator states its expression once, for operands of any kind: on numbers it computes constants,
 * on the registers of a processor it becomes code. Comparisons give booleans.
 */
export interface Algebra<T> {
  constant(value: number): T;
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  mul(a: T, b: T): T;
  div(a: T, b: T): T;
  min(a: T, b: T): T;
  max(a: T, b: T): T;
  pow(a: T, b: T): T;
  /** What a division of floats cut off towards zero leaves, with the sign of `a`. */
  remainder(a: T, b: T): T;
  neg(x: T): T;
  abs(x: T): T;
  sqrt(x: T): T;
  floor(x: T): T;
  ceil(x: T): T;
  /** The nearest integer, halves to even. */
  nearest(x: T): T;
  exp(x: T): T;
  log(x: T): T;
  sin(x: T): T;
  cos(x: T): T;
  tanh(x: T): T;
  erf(x: T): T;
  equal(a: T, b: T): T;
  greater(a: T, b: T): T;
  greaterEqual(a: T, b: T): T;
  and(a: T, b: T): T;
  or(a: T, b: T): T;
  not(x: T): T;
  /** `a` where the condition is true, else `b`. */
  select(condition: T, a: T, b: T): T;
  cast(x: T, dtype: DType): T;
}

/** How an operator's output element follows from the input elements at its place. */
export type Expression<A = unknown> = <T>(algebra: Algebra<T>, operands: readonly [T, T, T, ...T[]], attributes: A) => T;

/** The algebra of numbers, booleans being 0 and 1. */
export const numbers: Algebra<number> = {
  constant: (value) => value,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
  // As C has it: 1 to any power is 1, and so is -1 to an infinite one, where JavaScript has NaN.
  pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b),
  remainder: (a, b) => a % b,
  neg: (x) => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  nearest: (x) => (x % 1 === 0.5 || x % 1 === -0.5 ? 2 * Math.round(x / 2) : Math.round(x)),
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf: erfOf,
  equal: (a, b) => Number(a === b),
  greater: (a, b) => Number(a > b),
  greaterEqual: (a, b) => Number(a >= b),
  and: (a, b) => Number(a !== 0 && b !== 0),
  or: (a, b) => Number(a !== 0 || b !== 0),
  not: (x) => Number(x === 0),
  select: (condition, a, b) => (condition !== 0 ? a : b),
  cast: (x, dtype) => (dtype === "bool" ? Number(x !== 0) : dtype.includes("int") ? Math.trunc(x) : x),
};

/** {@link numbers} as a processor has them that rounds every result to `dtype`. */
export function roundedTo(dtype: DType): Algebra<number> {
  const known = roundings.get(dtype);
  if (known) return known;
  const round = (value: number) => Number(elementAt(convert([value], dtype), 0, dtype));
  const rounded = Object.entries(numbers).map(([name, compute]) => [
    name,
    (...operands: never[]) => round((compute as (...operands: never[]) => number)(...operands)),
  ]);
  const algebra = Object.fromEntries(rounded) as Algebra<number>;
  roundings.set(dtype, algebra);
  return algebra;
}
const roundings = new Map<DType, Algebra<number>>();

/** Terms of the error function's series and depth of its continued fraction: with 2.5 between them both reach 1e-14. */
export const erfSettings = { terms: 34, depth: 60, border: 2.5 } as const;

/**
 * The error function to about 1e-14: near 0 the series `2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!`, beyond it the continued fraction of its
 * complement (Abramowitz and Stegun 1964, 7.1.6 and 7.1.14).
 */
function erfOf(x: number): number {
  const { terms, depth, border } = erfSettings;
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

/** From here on the rounding of 1 + x does not show in its logarithm, in any dtype; of an infinite x the correction would be NaN. */
export const uncorrected = 4096;

/** ln(1 + x) without the loss of digits near 0: Kahan's correction by the rounding of 1 + x (Goldberg 1991, theorem 4). */
export function log1pOf<T>(m: Algebra<T>, x: T): T {
  const one = m.constant(1);
  const u = m.add(x, one);
  const d = m.sub(u, one);
  const correction = m.select(m.greater(m.constant(uncorrected), x), m.div(x, d), one);
  return m.select(m.equal(d, m.constant(0)), x, m.mul(m.log(u), correction));
}

/** eˣ - 1, likewise (Kahan; Higham, Accuracy and Stability of Numerical Algorithms, 2002, page 22). */
export function expm1Of<T>(m: Algebra<T>, x: T): T {
  const one = m.constant(1);
  const u = m.exp(x);
  const rest = m.sub(u, one);
  const isOne = m.equal(u, one);
  const near = m.and(m.greater(m.constant(0.5), m.abs(x)), m.not(isOne));
  return m.select(near, m.div(m.mul(rest, x), m.log(u)), m.select(isOne, x, rest));
}
