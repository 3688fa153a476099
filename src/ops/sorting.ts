import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { normalizeAxis } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { where } from "./arithmetic.js";
import { type AxisOptions, checkAxisOptions } from "./axis.js";
import { whereFinite } from "./branch.js";
import { cast, onnxTypes } from "./cast.js";
import { equal, greater, less } from "./compare.js";
import { checkTensors } from "./constants.js";
import { arange, zeros } from "./create.js";
import { scatterAdd, takeAlongAxis } from "./indexing.js";
import { logicalAnd, logicalOr } from "./logic.js";
import { applyAll, declare, family } from "./operator.js";
import { sum } from "./reduce.js";
import { reshape, transpose, unsqueeze } from "./shapes.js";
import { slice } from "./slicing.js";

interface TopKAttributes {
  readonly k: number;
  readonly axis: number;
  /** 1: the greatest; 0: the least. */
  readonly largest: number;
  /** Whether there is no NaN, which a kernel may have no place for. */
  readonly ignoresNaN?: boolean;
}

/** Operators that put elements in order; NaN is greater than all numbers. */
export const sorting = family({
  TopK: declare<TopKAttributes>({
    infer: ([x], { k, axis }) => {
      const shape = x.shape.map((size, i) => (i === axis ? k : size));
      return [
        { dtype: x.dtype, shape },
        { dtype: "int32", shape },
      ];
    },
    kind: { is: "opaque" },
    gradient: [(g, [x], [, indices], { axis }) => scatterAdd(zeros(x.shape, x.dtype), indices, g, { axis })],
    emit: (emitter, [x], { k, axis, largest }) => {
      const [values, indices] = emitter.node("TopK", [x as string, emitter.int64([k])], { axis, largest, sorted: 1 }, 2) as [
        string,
        string,
      ];
      return [values, ...emitter.node("Cast", [indices], { to: onnxTypes.int32 })];
    },
    decompose: ([x], attributes, target) =>
      isFloat(x.dtype) && !attributes.ignoresNaN ? withNaN(x, attributes, target?.selectsByBranches ?? false) : rank(x, attributes),
    read: (node) => {
      const k = node.integer("k", node.known(1)?.[0] ?? 0);
      const { values, indices } = topK(node.input(0), k, { axis: node.integer("axis", -1), largest: node.integer("largest", 1) === 1 });
      return [values, cast(indices, "int64")];
    },
  }),
});

/** The elements chosen, and the int32 indices that they had. */
export interface Chosen {
  readonly values: Tensor;
  readonly indices: Tensor;
}

type TopKOptions = AxisOptions & { readonly largest?: boolean };

/**
 * The `k` greatest (or least) elements along `axis`, by default the last, in order, and their int32 indices. NaN is greater than all numbers; of
 * equal elements the first comes first.
 */
export const topK = (x: Tensor, k: number, options: TopKOptions = {}): Chosen => topKBy(x, k, options);

/** {@link topK} of elements of which none is NaN: on the CPU it costs less. */
export const topKOfNumbers = (x: Tensor, k: number, options: TopKOptions = {}): Chosen => topKBy(x, k, options, true);

function topKBy(x: Tensor, k: number, options: TopKOptions, ignoresNaN?: boolean): Chosen {
  checkTensors("topK", x);
  checkAxisOptions("topK", options, { axis: "optional", largest: "optional" });
  const { axis = -1, largest = true } = options;
  const place = normalizeAxis("topK", axis, x.rank);
  const size = x.shape[place] as number;
  check(Number.isInteger(k) && k >= 0 && k <= size, () => `topK: k = ${k} of an axis of ${size}: expected an integer from 0 to ${size}`);
  // The kernel divides by the size of the axis.
  if (k === 0 || x.size === 0) {
    const values = slice(
      x,
      x.shape.map((_, i) => (i === place ? [0, k] : [])),
    );
    return { values, indices: zeros(values.shape, "int32") };
  }
  const sortable = x.dtype === "bool" ? cast(x, "uint8") : x;
  const attributes = { k, axis: place, largest: Number(largest), ...(ignoresNaN && { ignoresNaN }) };
  const [values, indices] = applyAll(sorting.TopK, [sortable], attributes);
  return { values: cast(values, x.dtype), indices };
}

/**
 * TopK by one of numbers alone. All is ordered, by the numbers and then by which of them are infinity and which none; with branches that is only done
 * where not all is finite.
 */
function withNaN(x: Tensor, { k, axis, largest }: TopKAttributes, byBranches: boolean): readonly [Tensor, Tensor] {
  const ordered = (keys: Tensor, k: number) => applyAll(sorting.TopK, [keys], { k, axis, largest, ignoresNaN: true })[1] as Tensor;
  const exact = (x: Tensor) => {
    const all = ordered(where(equal(x, x), x, Number.POSITIVE_INFINITY), x.shape[axis] as number);
    const values = takeAlongAxis(x, all, { axis });
    const order = ordered(where(equal(values, values), cast(equal(values, Number.POSITIVE_INFINITY), "int32"), 2), k);
    return takeAlongAxis(all, order, { axis });
  };
  const indices = byBranches ? whereFinite([x], [x], (x) => ordered(x, k), exact) : exact(x);
  return [takeAlongAxis(x, indices, { axis }), indices];
}

/** TopK by comparing each element with each: its place in the order is the number of those that come before it. */
function rank(x: Tensor, { k, axis, largest }: TopKAttributes): readonly [Tensor, Tensor] {
  const size = x.shape[axis] as number;
  const others = transpose(unsqueeze(x, { axis: -1 }), [...x.shape.map((_, i) => (i === axis ? x.rank : i)), axis]);
  const [mine, places] = [unsqueeze(x, { axis: -1 }), reshape(arange(size), [size, ...new Array<number>(x.rank - axis - 1).fill(1)])];
  const before = largest === 1 ? greater(others, mine) : less(others, mine);
  const earlier = logicalAnd(equal(others, mine), less(arange(size), unsqueeze(places, { axis: -1 })));
  const order = sum(cast(logicalOr(before, earlier), "int32"), { axis: -1, keepDims: true });
  // [..., i, ..., place] holds whether the element i is at the place; along `axis` exactly one is.
  const found = sum(where(equal(order, arange(k)), unsqueeze(places, { axis: -1 }), 0), { axis });
  const indices = transpose(found, [...x.shape.slice(0, axis).keys(), x.rank - 1, ...x.shape.slice(axis + 1).map((_, i) => axis + i)]);
  return [takeAlongAxis(x, indices, { axis }), indices];
}

/** The elements along `axis`, by default the last, in ascending (or descending) order, and the int32 indices they had. NaN is greater than all numbers. */
export function sort(x: Tensor, options: AxisOptions & { readonly descending?: boolean } = {}): Chosen {
  checkTensors("sort", x);
  checkAxisOptions("sort", options, { axis: "optional", descending: "optional" });
  const { axis = -1, descending = false } = options;
  return topK(x, x.shape[normalizeAxis("sort", axis, x.rank)] as number, { axis, largest: descending });
}

/** The faces that tensors have as methods too. */
export const sortingMethods = { topK, sort };
