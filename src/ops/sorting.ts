import { check } from "../graph/error.js";
import { normalizeAxis } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { where } from "./arithmetic.js";
import { type AxisOptions, checkAxisOptions } from "./axis.js";
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

/** Operators that put elements in order. */
export const sorting = family({
  TopK: declare<{ k: number; axis: number; largest: number }>({
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
    decompose: ([x], { k, axis, largest }) => rank(x, k, axis, largest === 1),
  }),
});

/** The `k` greatest (or least) elements along `axis`, by default the last, in order, and their int32 indices. */
export function topK(
  x: Tensor,
  k: number,
  options: AxisOptions & { readonly largest?: boolean } = {},
): { values: Tensor; indices: Tensor } {
  checkTensors("topK", x);
  checkAxisOptions("topK", options, { axis: "optional", largest: "optional" });
  const { axis = -1, largest = true } = options;
  const place = normalizeAxis("topK", axis, x.rank);
  const size = x.shape[place] as number;
  check(
    Number.isInteger(k) && k >= 0 && k <= size,
    () => `topK: k = ${k} of an axis of ${size}: expected a whole number from 0 to ${size}`,
  );
  // The kernel divides by the size of the axis.
  if (k === 0 || x.size === 0) {
    const values = slice(
      x,
      x.shape.map((_, i) => (i === place ? [0, k] : [])),
    );
    return { values, indices: zeros(values.shape, "int32") };
  }
  const sortable = x.dtype === "bool" ? cast(x, "uint8") : x;
  const [values, indices] = applyAll(sorting.TopK, [sortable], { k, axis: place, largest: Number(largest) });
  return { values: cast(values, x.dtype), indices };
}

/** {@link topK} by comparing each element with each: its place in the order is the number of those that come before it. */
function rank(x: Tensor, k: number, axis: number, largest: boolean): readonly [Tensor, Tensor] {
  const size = x.shape[axis] as number;
  const others = transpose(unsqueeze(x, { axis: -1 }), [...x.shape.map((_, i) => (i === axis ? x.rank : i)), axis]);
  const [mine, places] = [unsqueeze(x, { axis: -1 }), reshape(arange(size), [size, ...new Array<number>(x.rank - axis - 1).fill(1)])];
  const before = largest ? greater(others, mine) : less(others, mine);
  const earlier = logicalAnd(equal(others, mine), less(arange(size), unsqueeze(places, { axis: -1 })));
  const order = sum(cast(logicalOr(before, earlier), "int32"), { axis: -1, keepDims: true });
  // [..., i, ..., place] holds whether the element i is at the place; along `axis` exactly one is.
  const found = sum(where(equal(order, arange(k)), unsqueeze(places, { axis: -1 }), 0), { axis });
  const indices = transpose(found, [...x.shape.slice(0, axis).keys(), x.rank - 1, ...x.shape.slice(axis + 1).map((_, i) => axis + i)]);
  return [takeAlongAxis(x, indices, { axis }), indices];
}

/** The elements along `axis`, by default the last, in ascending (or descending) order, and the int32 indices they had. */
export function sort(x: Tensor, options: AxisOptions & { readonly descending?: boolean } = {}): { values: Tensor; indices: Tensor } {
  checkTensors("sort", x);
  checkAxisOptions("sort", options, { axis: "optional", descending: "optional" });
  const { axis = -1, descending = false } = options;
  return topK(x, x.shape[normalizeAxis("sort", axis, x.rank)] as number, { axis, largest: descending });
}

/** The faces that tensors have as methods too. */
export const sortingMethods = { topK, sort };
