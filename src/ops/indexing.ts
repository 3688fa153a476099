import { type DType, isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { beyondAnyAxis, greatestIndex } from "../graph/outOfRange.js";
import { type Shape, sameShape, showShape } from "../graph/shape.js";
import { hostData, type Tensor } from "../graph/tensor.js";
import { addedByOneThread } from "../targets/gaps.js";
import { add, clip, mul, where } from "./arithmetic.js";
import { type AxisOptions, axisOf } from "./axis.js";
import { cast, onnxTypes } from "./cast.js";
import { equal, less } from "./compare.js";
import { checkTensors } from "./constants.js";
import { arange, zeros } from "./create.js";
import { apply, declare, type Emitter, family } from "./operator.js";
import { reshape, transpose, unsqueeze } from "./shapes.js";

/** Operators that pick elements by index. Indices are int32 and count from 0; a negative one counts from the end. */
export const indexing = family({
  Gather: declare<{ axis: number }>({
    infer: ([x, indices], { axis }) => ({
      dtype: x.dtype,
      shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
    }),
    kind: { is: "selection", selection: ({ axis }) => ({ axis, whole: true, does: "take" }) },
    gradient: [(g, [x, indices], _, { axis }) => scatterRows(g, indices, x.shape, axis), undefined],
    read: (node) => gather(node.input(0), node.input(1), { axis: node.integer("axis", 0) }),
  }),
  // Indices of which a negative one does not count from the end: modulo 2^31 it is beyond any axis.
  FromZero: declare({
    infer: ([x]) => x,
    kind: {
      is: "elementwise",
      expression: (m, [x]) => m.select(m.greater(m.constant(0), x), m.add(x, m.constant(-beyondAnyAxis)), x),
    },
    gradient: "nonDifferentiable",
    emit: (emitter, [x]) => emitter.node("BitwiseAnd", [x as string, emitter.scalar(beyondAnyAxis - 1, "int32")]),
    decompose: ([x]) => where(less(x, 0), add(x, -beyondAnyAxis), x),
  }),
  // Adds `updates`, one row of x an index, into x at the rows that `indices` [n, 1] name.
  ScatterND: declare({
    infer: ([x]) => x,
    kind: { is: "selection", selection: () => ({ axis: 0, whole: true, does: "add" }) },
    gradient: [(g) => g, undefined, (g, [, indices]) => gather(g, reshape(indices, [indices.size]))],
    emit: (emitter, [x, indices, updates]) =>
      emitter.node("ScatterND", [x as string, toInt64(emitter, indices as string), updates as string], { reduction: "add" }),
    decompose: ([x, indices, updates]) => addInParts(x, indices, updates),
  }),
  // x with `updates` for the rows that `indices` [n] names; rows of the same index are the same.
  SetRows: declare({
    infer: ([x]) => x,
    kind: { is: "selection", selection: () => ({ axis: 0, whole: true, does: "set" }) },
    gradient: "nonDifferentiable",
    emit: (emitter, [x, indices, updates]) => {
      // In this order: WebGPU reshapes no int64.
      const places = emitter.node("Unsqueeze", [indices as string, emitter.int64([1])])[0] as string;
      return emitter.node("ScatterND", [x as string, toInt64(emitter, places), updates as string]);
    },
  }),
  GatherElements: declare<{ axis: number }>({
    infer: ([x, indices]) => ({ dtype: x.dtype, shape: indices.shape }),
    kind: { is: "selection", selection: ({ axis }) => ({ axis, whole: false, does: "take" }) },
    gradient: [(g, [x, indices], _, { axis }) => scatterAdd(zeros(x.shape, x.dtype), indices, g, { axis }), undefined],
    decompose: ([x, indices], { axis }) => gather(reshape(x, [x.size]), placesOf(x.shape, indices, axis)),
    read: (node) => takeAlongAxis(node.input(0), node.input(1), { axis: node.integer("axis", 0) }),
  }),
  ScatterElements: declare<{ axis: number }>({
    infer: ([x]) => x,
    kind: { is: "selection", selection: ({ axis }) => ({ axis, whole: false, does: "add" }) },
    gradient: [(g) => g, undefined, (g, [, indices], _, { axis }) => takeAlongAxis(g, indices, { axis })],
    emit: (emitter, inputs, { axis }) => emitter.node("ScatterElements", inputs, { axis, reduction: "add" }),
    // As rows of single elements, numbered through.
    decompose: ([x, indices, updates], { axis }) => scatterFlat(x, indices, updates, axis),
  }),
});

const toInt64 = (emitter: Emitter, x: string): string => emitter.node("Cast", [x], { to: onnxTypes.int64 })[0] as string;

/**
 * Indices as int32. Of those whose values are known as the graph is made, one out of range is an error here; of others, as the graph runs.
 * @param size of the axis that they index
 * @param least the least index that is allowed: 0, or `-size` where a negative one counts from the end
 */
function checkIndices(operation: string, indices: Tensor, size: number, least = -size): Tensor {
  checkTensors(operation, indices);
  check(
    !isFloat(indices.dtype) && indices.dtype !== "bool",
    () => `${operation}: indices are ${indices.dtype}${showShape(indices.shape)}: expected integers, such as int32`,
  );
  const wrong = Array.from<number | bigint>(hostData(indices) ?? []).find((index) => index < least || index >= size);
  check(wrong === undefined, () => `${operation}: index ${wrong} is out of range: expected ${least} to ${size - 1}`);
  return cast(indices.dtype === "int64" ? clip(indices, -greatestIndex, greatestIndex) : indices, "int32");
}

/** Indices of which a negative one does not count from the end, but is out of range. */
const fromZero = (indices: Tensor): Tensor => apply(indexing.FromZero, [indices]);

/** Indices of classes: any but 0 to `classes - 1` is an error. */
export function checkClasses(operation: string, ids: Tensor, classes: number): Tensor {
  const indices = checkIndices(operation, ids, classes, 0);
  return hostData(ids) ? indices : gather(arange(classes), fromZero(indices));
}

/** The rows `[...ids.shape, size]` of a table `[count, size]`, where no index counts from the end: a negative one is an error. */
export const lookUp = (table: Tensor, ids: Tensor): Tensor =>
  apply(indexing.Gather, [table, fromZero(checkIndices("Embedding", ids, table.shape[0] as number, 0))], { axis: 0 });

/** The slices of `x` along `axis`, by default the first, that `indices` name: shape `[...before, ...indices.shape, ...after]`. An embedding is `gather(table, ids)`. */
export function gather(x: Tensor, indices: Tensor, options: AxisOptions = {}): Tensor {
  checkTensors("gather", x, indices);
  const axis = axisOf("gather", options, x.rank, 0);
  return apply(indexing.Gather, [x, checkIndices("gather", indices, x.shape[axis] as number)], { axis });
}

/** The gradient of {@link gather}: the slices added up where their indices point. */
function scatterRows(g: Tensor, indices: Tensor, shape: Shape, axis: number): Tensor {
  // [before, indices, after] to [indices, before, after], the order in which rows are scattered
  const before = [...Array(axis).keys()];
  const middle = indices.shape.map((_, i) => axis + i);
  const after = shape.slice(axis + 1).map((_, i) => axis + indices.rank + i);
  const others = shape.filter((_, i) => i !== axis);
  const rows = reshape(transpose(g, [...middle, ...before, ...after]), [indices.size, ...others]);
  const count = shape[axis] as number;
  const wrapped = where(less(indices, 0), add(indices, count), indices);
  const summed = addRows(zeros([count, ...others], g.dtype), wrapped, rows);
  return transpose(summed, [...before.map((i) => i + 1), 0, ...after.map((_, i) => axis + 1 + i)]);
}

function checkAlong(operation: string, x: Tensor, indices: Tensor, options: AxisOptions): number {
  const place = axisOf(operation, options, x.rank, -1);
  check(
    indices.rank === x.rank && indices.shape.every((size, i) => i === place || size <= (x.shape[i] as number)),
    () =>
      `${operation}: indices ${showShape(indices.shape)} do not fit ${showShape(x.shape)} along axis ${place}: same rank, no other size larger`,
  );
  return place;
}

/** `result[..., i, ...] = x[..., indices[..., i, ...], ...]` along `axis`, by default the last; `indices` and `x` have the same rank. */
export function takeAlongAxis(x: Tensor, indices: Tensor, options: AxisOptions = {}): Tensor {
  checkTensors("takeAlongAxis", x, indices);
  const place = checkAlong("takeAlongAxis", x, indices, options);
  return apply(indexing.GatherElements, [x, checkIndices("takeAlongAxis", indices, x.shape[place] as number)], { axis: place });
}

/** `x` with every element of `updates` added at the place that {@link takeAlongAxis} would take it from. */
export function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, options: AxisOptions = {}): Tensor {
  checkTensors("scatterAdd", x, indices, updates);
  const place = checkAlong("scatterAdd", x, indices, options);
  check(
    sameShape(indices.shape, updates.shape) && updates.dtype === x.dtype,
    () => `scatterAdd: updates ${updates.dtype}${showShape(updates.shape)} do not match indices ${showShape(indices.shape)} and ${x.dtype}`,
  );
  check(x.dtype !== "bool", () => "scatterAdd: booleans do not add up: cast them to int32");
  const places = checkIndices("scatterAdd", indices, x.shape[place] as number);
  return inSingle(x, updates, (x, updates) => apply(indexing.ScatterElements, [x, places, updates], { axis: place }));
}

/** Adds numbers of half precision up in single: ONNX Runtime's kernels for the CPU lack float16, and many small updates would be lost in it. */
const inSingle = (x: Tensor, updates: Tensor, scatter: (x: Tensor, updates: Tensor) => Tensor): Tensor =>
  x.dtype === "float16" ? cast(scatter(cast(x, "float32"), cast(updates, "float32")), "float16") : scatter(x, updates);

/** {@link scatterAdd} on the flattened tensor. */
function scatterFlat(x: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor {
  return reshape(addRows(reshape(x, [x.size]), placesOf(x.shape, indices, axis), reshape(updates, [updates.size])), x.shape);
}

/** `x` with `rows` `[n, ...]` in place of those that `indices` `[n]`, from 0, name: where one stands twice, both its rows must be the same. */
export const setRows = (x: Tensor, indices: Tensor, rows: Tensor): Tensor => apply(indexing.SetRows, [x, indices, rows]);

/** `x` with `rows` `[n, ...]` added to those that `indices` `[n]`, from 0, name. */
export const addRows = (x: Tensor, indices: Tensor, rows: Tensor): Tensor =>
  inSingle(x, rows, (x, rows) => apply(indexing.ScatterND, [x, reshape(indices, [indices.size, 1]), rows]));

/** Rows `[n, ...]` that are added up where their indices `[n]`, from 0, point. */
export interface ScatteredRows {
  readonly indices: Tensor;
  readonly rows: Tensor;
}

/**
 * {@link ScatteredRows} with the rows of the same index, below `count`, added up: `[n, ...]` in places of which some are zeros, and the place of
 * each index's sum, int32 `[n]`.
 */
export function sumRows({ indices, rows }: ScatteredRows, count: number): { sums: Tensor; places: Tensor } {
  const places = gather(setRows(zeros([count], "int32"), indices, arange(indices.size)), indices);
  return { sums: addRows(zeros(rows.shape, rows.dtype), places, rows), places };
}

/** ScatterND of more elements as several of fewer. Few rows of a large `x` are added up apart and set, so that it is copied once or not at all. */
function addInParts(x: Tensor, indices: Tensor, updates: Tensor): Tensor {
  const [rows, count] = [indices.size, x.shape[0] as number];
  const most = Math.max(1, Math.floor((addedByOneThread * rows) / updates.size));
  const flat = reshape(indices, [rows]);
  if (2 * rows <= count) {
    const { sums, places } = sumRows({ indices: flat, rows: updates }, count);
    return setRows(x, flat, add(gather(x, flat), gather(sums, places)));
  }
  const parts = Array.from({ length: Math.ceil(rows / most) }, (_, i) => arange(i * most, Math.min(rows, (i + 1) * most)));
  return parts.reduce((sum, part) => addRows(sum, gather(flat, part), gather(updates, part)), x);
}

/** The places, in row-major order, of the elements that `indices` name along `axis` of a tensor of `shape`. */
function placesOf(shape: Shape, indices: Tensor, axis: number): Tensor {
  const wrapped = where(less(indices, 0), add(indices, shape[axis] as number), indices);
  const along = (i: number) =>
    reshape(
      arange(indices.shape[i] as number),
      indices.shape.map((size, j) => (j === i ? size : 1)),
    );
  return shape.reduce<Tensor>((place, size, i) => add(mul(place, size), i === axis ? wrapped : along(i)), zeros(indices.shape, "int32"));
}

/**
 * 1 at the class and 0 elsewhere: `indices` `[...]` to `[..., depth]`.
 * @throws KasaneError where an index is not from 0 to `depth - 1`
 */
export function oneHot(indices: Tensor, depth: number, dtype: DType = "float32"): Tensor {
  check(Number.isInteger(depth) && depth >= 0, () => `oneHot: depth ${JSON.stringify(depth)}, expected an integer from 0`);
  return cast(equal(unsqueeze(checkClasses("oneHot", indices, depth), { axis: -1 }), arange(depth)), dtype);
}

/** The faces that tensors have as methods too. */
export const indexingMethods = { gather, takeAlongAxis, scatterAdd, oneHot };
