import { exactIntegers, isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import type { OptionNames } from "../graph/options.js";
import { normalizeAxes, normalizeAxis, type Shape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { abs, add, div, mul, sqrt, square, sub, where } from "./arithmetic.js";
import { type AxisOptions, axisOf, checkAxisOptions } from "./axis.js";
import { cast, onnxTypes } from "./cast.js";
import { equal, logicalNot, notEqual } from "./compare.js";
import { checkTensors } from "./constants.js";
import { arange, full, zeros } from "./create.js";
import { exp, log, pow } from "./elementary.js";
import { productOfIntegers, sumOfIntegers } from "./integers.js";
import { logicalOr } from "./logic.js";
import {
  apply,
  type Declaration,
  declare,
  type Emitter,
  family,
  type OnnxNode,
  type Operator,
  type Reduction,
  type Rule,
} from "./operator.js";
import { expand, reshape, transpose } from "./shapes.js";
import { type Ends, flip, padWith, type Range, slice } from "./slicing.js";

/** Which axes a reduction goes over, by default all, and whether they stay, of size 1. */
export interface ReduceOptions {
  readonly axis?: number | readonly number[];
  readonly keepDims?: boolean;
}

/** Settings of a reduction as its node has them. */
export interface ReduceAttributes {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
  /** Whether NaN may be passed over, by a kernel that does so: what is made of the result knows of it otherwise. */
  readonly ignoresNaN?: boolean;
}

const reduced = (shape: Shape, { axes, keepDims }: ReduceAttributes): Shape =>
  keepDims ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size)) : shape.filter((_, axis) => !axes.includes(axis));

const emitReduce =
  (type: string) =>
  (emitter: Emitter, [x]: readonly string[], { axes, keepDims }: ReduceAttributes) =>
    emitter.node(type, [x as string, emitter.int64(axes)], { keepdims: Number(keepDims) });

const reduction = (
  type: string,
  how: Omit<Reduction, "axes"> | "opaque",
  rule: Rule<ReduceAttributes>,
  more: Partial<Declaration<ReduceAttributes>> = {},
): Declaration<ReduceAttributes> =>
  declare<ReduceAttributes>({
    infer: ([x], attributes) => ({ dtype: x.dtype, shape: reduced(x.shape, attributes) }),
    kind: how === "opaque" ? { is: how } : { is: "reduction", reduction: ({ axes }) => ({ axes, ...how }) },
    gradient: [rule],
    emit: emitReduce(type),
    read: (node, operator) => reduceNode(node, (x, options) => cast(reduceBy(type, operator, counted(type, x), options), x.dtype)),
    ...more,
  });

/** What a node of ONNX reduces, by a function of a tensor and options: its axes are an attribute, or an input from version 13 or 18 on. */
export function reduceNode(node: OnnxNode, reduceOver: (x: Tensor, options: ReduceOptions) => Tensor): Tensor {
  const [x, axes] = [node.input(0), node.integersOf("axes", 1) ?? []];
  if (axes.length === 0 && node.integer("noop_with_empty_axes", 0) === 1) return reduceOver(x, { axis: [], keepDims: true });
  return reduceOver(x, { ...(axes.length > 0 && { axis: axes }), keepDims: node.integer("keepdims", 1) === 1 });
}

/** The greatest or the least of no elements, as ONNX has it: the end of all numbers that lies behind them. */
function extremumOfNone(x: Tensor, options: ReduceOptions, sign: number): Tensor {
  const [low, high] =
    x.dtype === "bool" ? [0, 1] : isFloat(x.dtype) ? [-Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] : exactIntegers(x.dtype);
  return full(reduced(x.shape, settingsOf("extremum", options, x.rank)), sign < 0 ? low : high, x.dtype);
}

/** A reduction's result spread over the axes that it summed up. */
const spread = (y: Tensor, x: Tensor, axes: readonly number[]): Tensor =>
  expand(y.size === 1 ? y : reshape(y, reduced(x.shape, { axes, keepDims: true })), x.shape);

/** The gradient of an extremum goes to the places that attain it, in equal parts. */
const toExtrema: Rule<ReduceAttributes> = (g, [x], [y], { axes }) => {
  const attained = cast(equal(x, spread(y, x, axes)), x.dtype);
  return mul(attained, spread(div(g, reshape(sum(attained, { axis: axes }), g.shape)), x, axes));
};

/** Whether no element over the axes is NaN: the minimum of booleans, the cheapest reduction that says so. */
const hasNoNaN = (x: Tensor, attributes: ReduceAttributes): Tensor => apply(reduce.ReduceMin, [equal(x, x)], attributes);

/** An extremum by a kernel that passes NaN over: NaN where there is one. */
const withNaN =
  (type: "ReduceMax" | "ReduceMin"): Declaration<ReduceAttributes>["decompose"] =>
  ([x], attributes) =>
    where(hasNoNaN(x, attributes), apply(reduce[type], [x], { ...attributes, ignoresNaN: true }), Number.NaN);

/** A reduction of integers made of exact operators. */
const exactly =
  (reduction: (x: Tensor, axes: readonly number[]) => Tensor): Declaration<ReduceAttributes>["decompose"] =>
  ([x], attributes) =>
    reshape(reduction(x, attributes.axes), reduced(x.shape, attributes));

interface IndexAttributes {
  readonly axis: number;
  readonly keepDims: boolean;
}

/** The index of an extremum: the least place that attains it, or that of the first NaN. */
const extremumIndex = (type: "ArgMax" | "ArgMin", extremum: "ReduceMax" | "ReduceMin"): Declaration<IndexAttributes> =>
  declare<IndexAttributes>({
    infer: ([x], { axis, keepDims }) => ({ dtype: "int32", shape: reduced(x.shape, { axes: [axis], keepDims }) }),
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    emit: (emitter, [x], { axis, keepDims }) =>
      emitter.node("Cast", emitter.node(type, [x as string], { axis, keepdims: Number(keepDims) }), { to: onnxTypes.int32 }),
    decompose: ([x], { axis, keepDims }) => {
      const size = x.shape[axis] as number;
      const places = reshape(arange(size), [size, ...new Array<number>(x.rank - axis - 1).fill(1)]);
      const attained = equal(x, apply(reduce[extremum], [x], { axes: [axis], keepDims: true }));
      const isFound = isFloat(x.dtype) ? logicalOr(attained, notEqual(x, x)) : attained;
      return apply(reduce.ReduceMin, [where(isFound, places, size)], { axes: [axis], keepDims });
    },
    read: (node, operator) => {
      const x = node.input(0);
      const axis = normalizeAxis(type, node.integer("axis", 0), x.rank);
      const keepDims = node.integer("keepdims", 1) === 1;
      if (node.integer("select_last_index", 0) === 0) return cast(indexBy(type, operator, x, { axis, keepDims }), "int64");
      const fromEnd = indexBy(type, operator, flip(x, { axis }), { axis, keepDims });
      return cast(sub((x.shape[axis] as number) - 1, fromEnd), "int64");
    },
  });

const total: Omit<Reduction, "axes"> = { initial: 0, combine: (m, sum, x) => m.add(sum, x) };

/** Reductions over axes and running sums. */
export const reduce = family({
  ReduceSum: reduction("ReduceSum", total, (g, [x], _, { axes }) => spread(g, x, axes), {
    linearity: "together",
    decompose: exactly(sumOfIntegers),
  }),
  ReduceMean: reduction("ReduceMean", { ...total, averages: true }, (g, [x], [y], { axes }) => spread(mul(g, y.size / x.size), x, axes), {
    linearity: "together",
    read: (node) => reduceNode(node, (x, options) => cast(mean(x, options), x.dtype)),
  }),
  ReduceMax: reduction("ReduceMax", { initial: Number.NEGATIVE_INFINITY, combine: (m, most, x) => m.max(most, x) }, toExtrema, {
    decompose: withNaN("ReduceMax"),
    read: (node) => reduceNode(node, (x, options) => (x.size === 0 ? extremumOfNone(x, options, -1) : max(x, options))),
  }),
  ReduceMin: reduction("ReduceMin", { initial: Number.POSITIVE_INFINITY, combine: (m, least, x) => m.min(least, x) }, toExtrema, {
    decompose: withNaN("ReduceMin"),
    read: (node) => reduceNode(node, (x, options) => (x.size === 0 ? extremumOfNone(x, options, 1) : min(x, options))),
  }),
  ReduceProd: reduction(
    "ReduceProd",
    { initial: 1, combine: (m, product, x) => m.mul(product, x) },
    (g, [x], _, { axes }) => mul(spread(g, x, axes), productOfOthers(x, axes)),
    { decompose: exactly(productOfIntegers) },
  ),
  // ln Σ eˣ has the softmax e^(x - y) as its gradient
  LogSumExp: reduction("ReduceLogSumExp", "opaque", (g, [x], [y], { axes }) => mul(spread(g, x, axes), exp(sub(x, spread(y, x, axes)))), {
    decompose: ([x], { axes, keepDims }): Tensor => {
      const extreme = apply(reduce.ReduceMax, [x], { axes, keepDims: true, ignoresNaN: true });
      // From an infinite one nothing is taken off: infinity less infinity is no number.
      const highest = where(equal(abs(extreme), Number.POSITIVE_INFINITY), 0, extreme);
      const total = add(log(sum(exp(sub(x, highest)), { axis: axes, keepDims: true })), highest);
      return keepDims ? total : reshape(total, reduced(x.shape, { axes, keepDims }));
    },
    read: undefined,
  }),
  ArgMax: extremumIndex("ArgMax", "ReduceMax"),
  ArgMin: extremumIndex("ArgMin", "ReduceMin"),
  // Every element counts in all the sums from its own place on.
  CumSum: declare<{ axis: number; reverse: number }>({
    infer: ([x]) => x,
    kind: { is: "opaque" },
    gradient: [(g, _, __, { axis, reverse }): Tensor => apply(reduce.CumSum, [g], { axis, reverse: 1 - reverse })],
    emit: (emitter, [x], { axis, reverse }) => emitter.node("CumSum", [x as string, emitter.scalar(axis, "int64")], { reverse }),
    read: (node): Tensor => {
      const x = node.input(0);
      const axis = normalizeAxis("CumSum", node.known(1)?.[0] ?? 0, x.rank);
      const reverse = node.integer("reverse", 0);
      const sums = (y: Tensor) => apply(reduce.CumSum, [y], { axis, reverse });
      if (node.integer("exclusive", 0) === 0) return sums(x);
      // What is not counted is shifted out, not taken off again: of an infinite element nothing would be left.
      const at = (value: Ends, other: Ends): Ends[] => x.shape.map((_, i) => (i === axis ? value : other));
      const ranges = x.shape.map((size, i): Range => (i === axis ? (reverse ? [1] : [0, size - 1]) : []));
      return x.shape[axis] === 0 ? x : sums(padWith(slice(x, ranges), at(reverse ? [0, 1] : [1, 0], [0, 0])));
    },
  }),
});

/** The product over `axis` of all elements but each one: of those before it and those after, so without a division by 0. */
function productOfOthers(x: Tensor, axes: readonly number[]): Tensor {
  if (x.size === 0) return x;
  const order = [...x.shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
  const moved = transpose(x, order);
  const rows = reshape(moved, [-1, axes.reduce((count, axis) => count * (x.shape[axis] as number), 1)]);
  const others = mul(productOfEarlier(rows), flip(productOfEarlier(flip(rows, { axis: 1 })), { axis: 1 }));
  return transpose(
    reshape(others, moved.shape),
    order.map((_, axis) => order.indexOf(axis)),
  );
}

/** The product of all elements before each one of a row, in log₂ n steps that each double how many it covers (Hillis and Steele 1986). */
function productOfEarlier(rows: Tensor): Tensor {
  const [, count] = rows.shape as [number, number];
  const later = (x: Tensor, by: number) =>
    padWith(
      slice(x, [[], [0, count - by]]),
      [
        [0, 0],
        [by, 0],
      ],
      1,
    );
  let product = later(rows, 1);
  for (let covered = 1; covered < count; covered *= 2) product = mul(product, later(product, covered));
  return product;
}

const optionNames: OptionNames<ReduceOptions> = { axis: "optional", keepDims: "optional" };

const settingsOf = (operation: string, { axis, keepDims = false }: ReduceOptions, rank: number): ReduceAttributes => ({
  axes: normalizeAxes(operation, axis, rank),
  keepDims,
});

function reduceBy(operation: string, operator: Operator<ReduceAttributes>, x: Tensor, options: ReduceOptions): Tensor {
  checkAxisOptions(operation, options, optionNames);
  const attributes = settingsOf(operation, options, x.rank);
  return attributes.axes.length === 0 ? x : apply(operator, [x], attributes);
}

/** {@link reduceBy} an operator that has no value for no elements: an error, unless there is no value to give. */
function reduceSome(operation: string, operator: Operator<ReduceAttributes>, x: Tensor, options: ReduceOptions): Tensor {
  const y = reduceBy(operation, operator, x, options);
  return x.size === 0 ? nothing(operation, x, y) : y;
}

/** `y`, the result of reducing `x` of no elements, if it has none either. */
function nothing(operation: string, x: Tensor, y: Tensor): Tensor {
  check(y.size === 0, () => `${operation}: shape ${showShape(x.shape)} has no elements, so it has no ${operation}`);
  return zeros(y.shape, y.dtype);
}

/** Booleans and the 8-bit types are summed up as int32. */
function counted(operation: string, x: Tensor): Tensor {
  checkTensors(operation, x);
  return isFloat(x.dtype) || x.dtype === "int64" ? x : cast(x, "int32");
}

/** Fractions: the mean of integers is one. */
function fractions(operation: string, x: Tensor): Tensor {
  checkTensors(operation, x);
  return isFloat(x.dtype) ? x : cast(x, "float32");
}

/** The sum over the axes `axis`, by default all. */
export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor => reduceBy("sum", reduce.ReduceSum, counted("sum", x), options);
/** The mean over `axis`, of integers too a fraction. */
export const mean = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  reduceSome("mean", reduce.ReduceMean, fractions("mean", x), options);
/** An extremum of booleans by that of 0 and 1. */
function asNumbers(operation: string, x: Tensor, extremum: (x: Tensor) => Tensor): Tensor {
  checkTensors(operation, x);
  return x.dtype === "bool" ? cast(extremum(cast(x, "int32")), "bool") : extremum(x);
}
/** The greatest element over `axis`; where several attain it, they share the gradient. */
export const max = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  asNumbers("max", x, (x) => reduceSome("max", reduce.ReduceMax, x, options));
/** The least element over `axis`; where several attain it, they share the gradient. */
export const min = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  asNumbers("min", x, (x) => reduceSome("min", reduce.ReduceMin, x, options));
/** The product over `axis`. */
export const prod = (x: Tensor, options: ReduceOptions = {}): Tensor => reduceBy("prod", reduce.ReduceProd, counted("prod", x), options);
/** The mean squared distance from the mean over `axis`, divided by the count less `correction` (1: the unbiased estimate). */
export function variance(x: Tensor, options: ReduceOptions & { readonly correction?: number } = {}): Tensor {
  checkTensors("variance", x);
  checkAxisOptions("variance", options, { ...optionNames, correction: "optional" });
  const { axes, keepDims } = settingsOf("variance", options, x.rank);
  const squares = square(sub(x, mean(x, { axis: axes, keepDims: true })));
  const average = mean(squares, { axis: axes, keepDims });
  const { correction = 0 } = options;
  checkNumbers("variance", { correction });
  if (correction === 0) return average;
  const count = squares.size / average.size;
  return mul(average, count / Math.max(0, count - correction));
}
/** The p-norm `(Σ |x|ᵖ)^(1/p)` over `axis`: Euclidean by default. */
export function norm(x: Tensor, options: ReduceOptions & { readonly order?: number } = {}): Tensor {
  checkTensors("norm", x);
  checkAxisOptions("norm", options, { ...optionNames, order: "optional" });
  const { axes, keepDims } = settingsOf("norm", options, x.rank);
  const { order = 2 } = options;
  const over = { axis: axes, keepDims };
  const numbers = fractions("norm", x);
  const size = abs(numbers);
  if (order === Number.POSITIVE_INFINITY) return max(size, over);
  if (order === 1) return sum(size, over);
  check(order > 0, () => `norm: order ${order}: expected a number above 0`);
  // A root is infinitely steep at 0: there the gradient is 0, as in PyTorch.
  const isRoot = order < 1;
  const powers = isRoot
    ? where(equal(size, 0), 0, pow(where(equal(size, 0), 1, size), order))
    : order === 2
      ? square(numbers)
      : pow(size, order);
  const total = sum(powers, over);
  // The root has no slope at 0: there the gradient is 0, as in PyTorch.
  const zero = equal(total, 0);
  const safe = where(zero, 1, total);
  return where(zero, 0, order === 2 ? sqrt(safe) : pow(safe, 1 / order));
}
/** `ln Σ eˣ` over `axis`, without overflow. */
export const logSumExp = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  reduceSome("logSumExp", reduce.LogSumExp, fractions("logSumExp", x), options);

/** Along which axis an extremum is sought, by default in the flattened tensor, and whether the axis stays, of size 1. */
export interface IndexOptions {
  readonly axis?: number;
  readonly keepDims?: boolean;
}

function indexBy(operation: string, operator: Operator<IndexAttributes>, x: Tensor, options: IndexOptions): Tensor {
  checkTensors(operation, x);
  checkAxisOptions(operation, options, { axis: "optional", keepDims: "optional" });
  const { axis, keepDims = false } = options;
  if (axis === undefined) {
    const index = indexBy(operation, operator, reshape(x, [x.size]), { axis: 0 });
    return keepDims
      ? reshape(
          index,
          x.shape.map(() => 1),
        )
      : index;
  }
  const place = normalizeAxis(operation, axis, x.rank);
  const y = apply(operator, [x.dtype === "bool" ? cast(x, "int32") : x], { axis: place, keepDims });
  return x.size === 0 ? nothing(operation, x, y) : y;
}

/** The int32 index of the greatest element along `axis` (the first of several), or in the flattened tensor. */
export const argmax = (x: Tensor, options: IndexOptions = {}): Tensor => indexBy("argmax", reduce.ArgMax, x, options);
/** The int32 index of the least element along `axis` (the first of several), or in the flattened tensor. */
export const argmin = (x: Tensor, options: IndexOptions = {}): Tensor => indexBy("argmin", reduce.ArgMin, x, options);
/** The sum of all elements up to each place along `axis`, by default the last. */
export const cumulativeSum = (x: Tensor, options: AxisOptions = {}): Tensor =>
  apply(reduce.CumSum, [counted("cumulativeSum", x)], { axis: axisOf("cumulativeSum", options, x.rank, -1), reverse: 0 });
/** Whether any element over `axis` is true; of none, no. */
export function any(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkTensors("any", x);
  return cast(reduceBy("any", reduce.ReduceSum, cast(cast(x, "bool"), "int32"), options), "bool");
}
/** Whether all elements over `axis` are true; of none, yes. */
export function all(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkTensors("all", x);
  return logicalNot(cast(reduceBy("all", reduce.ReduceSum, cast(logicalNot(x), "int32"), options), "bool"));
}

/** The faces that tensors have as methods too. */
export const reduceMethods = { sum, mean, max, min, prod, variance, norm, logSumExp, argmax, argmin, cumulativeSum, any, all };
