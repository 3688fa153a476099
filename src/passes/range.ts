import { elementAt } from "../graph/dtype.js";
import { hostData, type Tensor } from "../graph/tensor.js";
import { type Algebra, numbers } from "../ops/algebra.js";
import { asOperands, operatorOf } from "../ops/operator.js";

/** The bounds of a value's elements, except those that are NaN. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

const everything: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
const unit: Range = { low: 0, high: 1 };
const around = (values: readonly number[]): Range => ({ low: Math.min(...values), high: Math.max(...values) });
const hull = (a: Range, b: Range): Range => ({ low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) });

/** The range of a monotonically increasing function of one operand. */
const rising =
  (fn: (x: number) => number) =>
  ({ low, high }: Range): Range => ({ low: fn(low), high: fn(high) });
/** The range of a function of two operands whose extrema are at the ends of theirs. Infinity times 0 counts as 0. */
const atEnds =
  (fn: (a: number, b: number) => number) =>
  (a: Range, b: Range): Range =>
    around([a.low, a.high].flatMap((x) => [b.low, b.high].map((y) => fn(x, y) || 0)));
const bounded = (low: number, high: number) => (): Range => ({ low, high });
const boolean = (): Range => unit;

/** Interval arithmetic (Moore 1966): an operator's expression gives the range of its results. */
const intervals: Algebra<Range> = {
  constant: (value) => ({ low: value, high: value }),
  add: (a, b) => ({ low: a.low + b.low, high: a.high + b.high }),
  sub: (a, b) => ({ low: a.low - b.high, high: a.high - b.low }),
  mul: (a, b) => (a === b ? squared(a) : atEnds(numbers.mul)(a, b)),
  div: (a, b) => (b.low > 0 || b.high < 0 ? atEnds(numbers.div)(a, b) : everything),
  min: atEnds(numbers.min),
  max: atEnds(numbers.max),
  pow: () => everything,
  remainder: (a) => hull(a, intervals.neg(a)),
  neg: ({ low, high }) => ({ low: -high, high: -low }),
  abs: (x) => ({ low: Math.max(0, x.low, -x.high), high: Math.max(-x.low, x.high) }),
  sqrt: ({ low, high }) => rising(numbers.sqrt)({ low: Math.max(low, 0), high: Math.max(high, 0) }),
  floor: rising(numbers.floor),
  ceil: rising(numbers.ceil),
  nearest: rising(numbers.nearest),
  exp: rising(numbers.exp),
  log: ({ low, high }) => rising(numbers.log)({ low: Math.max(low, 0), high: Math.max(high, 0) }),
  sin: bounded(-1, 1),
  cos: bounded(-1, 1),
  tanh: rising(numbers.tanh),
  erf: rising(numbers.erf),
  equal: boolean,
  greater: boolean,
  greaterEqual: boolean,
  and: boolean,
  or: boolean,
  not: boolean,
  select: (_, a, b) => hull(a, b),
  cast: (x, dtype) => (dtype === "bool" ? unit : rising((value) => numbers.cast(value, dtype))(x)),
};

const squared = (x: Range): Range => {
  const { low, high } = intervals.abs(x);
  return { low: low * low, high: high * high };
};

/**
 * The known bounds of the elements of `x`, from at most `depth` operators before it.
 * @param known the ranges of leaves
 */
export function rangeOf(x: Tensor, known: (leaf: Tensor) => Range | undefined = () => undefined, depth = 8): Range {
  const given = known(x);
  if (given) return given;
  const { source } = x;
  if (source.kind === "random") return source.bernoulli ? around([0, source.bernoulli.value]) : unit;
  const data = x.size === 1 ? hostData(x) : undefined;
  if (data) return intervals.constant(Number(elementAt(data, 0, x.dtype)));
  if (source.kind !== "node" || depth === 0) return everything;
  const { inputs, attributes } = source;
  const { kind, range } = operatorOf(source);
  const before = (i: number) => rangeOf(inputs[i] as Tensor, known, depth - 1);
  if (range) return range;
  if (kind.is === "elementwise") {
    // Equal operands have one range, so that a square is told from a product.
    const ranges = new Map([...new Set(inputs)].map((input) => [input, rangeOf(input, known, depth - 1)]));
    const operands = inputs.map((input) => ranges.get(input)) as unknown as readonly [Range, Range, Range];
    return kind.expression(intervals, operands, attributes);
  }
  if (kind.is === "movement") return before(0);
  if (kind.is !== "selection") return everything;
  const { axis, whole, does } = kind.selection(attributes);
  if (does === "take") return before(0);
  if (does === "set") return hull(before(0), before(2));
  const [, indices] = asOperands(inputs);
  const most = whole ? indices.size : (indices.shape[axis] as number);
  return intervals.add(before(0), hull({ low: 0, high: 0 }, atEnds(numbers.mul)(before(2), { low: 0, high: most })));
}

/** The greatest absolute value in a range. */
export const magnitude = ({ low, high }: Range): number => Math.max(-low, high);
