import { normalizeAxis, type Shape, sizeOf } from "../../graph/shape.js";
import { fromData, type Tensor } from "../../graph/tensor.js";
import { add } from "../../ops/arithmetic.js";
import { cast, dtypeOfOnnx } from "../../ops/cast.js";
import { equal } from "../../ops/compare.js";
import { tensor } from "../../ops/constants.js";
import { arange, full } from "../../ops/create.js";
import { gather } from "../../ops/indexing.js";
import { expand, reshape, squeeze, tile, transpose, unsqueeze } from "../../ops/shapes.js";
import { tril, triu } from "../../ops/triangle.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";

/** Integers as the int64 tensor that ONNX has shapes and sizes in. */
export const integersOf = (values: readonly number[], shape: Shape = [values.length]): Tensor =>
  fromData(BigInt64Array.from(values, BigInt), shape, "int64");

const product = (shape: Shape): number => sizeOf(shape);

function flatten(node: ReadNode): Tensor {
  const x = node.input(0);
  const given = node.integer("axis", 1);
  const axis = given === x.rank ? x.rank : normalizeAxis("Flatten", given, x.rank);
  return reshape(x, [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))]);
}

function shapeOf(node: ReadNode): Tensor {
  const { shape } = node.input(0);
  return integersOf(shape.slice(node.integer("start", 0), node.has("end") ? node.integer("end", 0) : undefined));
}

function constantOfShape(node: ReadNode): Tensor {
  const value = node.constant("value");
  const shape = node.known(0) ?? [];
  return expand(value ? reshape(value, []) : full([], 0, node.float), shape);
}

/** A node without inputs, of lists among its attributes. */
function constant(node: ReadNode): Tensor {
  const found = node.constant("value");
  if (found) return found;
  const [numbers, integers] = [node.numbers("value_floats"), node.integers("value_ints")];
  if (node.has("value_floats") && numbers) return tensor([...numbers], { dtype: node.float });
  if (node.has("value_ints") && integers) return integersOf(integers);
  if (node.has("value_float")) return full([], node.number("value_float", 0), node.float);
  node.check(node.has("value_int"), () => "its value is none that is read: expected a tensor or numbers");
  return integersOf([node.integer("value_int", 0)], []);
}

/** The places of all elements but zeros, `[rank, count]`. */
function nonZero(node: ReadNode): Tensor {
  const { shape } = node.input(0);
  const places = (node.known(0) ?? []).flatMap((value, place) => (value === 0 ? [] : [place]));
  const indices = shape.map((size, axis) => {
    const inner = product(shape.slice(axis + 1));
    return places.map((place) => Math.floor(place / inner) % size);
  });
  return integersOf(indices.flat(), [shape.length, places.length]);
}

function trilu(node: ReadNode): Tensor {
  const k = node.known(1)?.[0] ?? 0;
  return node.integer("upper", 1) === 1 ? triu(node.input(0), k) : tril(node.input(0), k);
}

function isDcr(node: ReadNode): boolean {
  const mode = node.text("mode", "DCR");
  node.check(mode === "DCR" || mode === "CRD", () => `the mode ${mode}: expected DCR or CRD`);
  return mode === "DCR";
}

/** Channels to places: in the order depth, row, column; or column, row, depth. */
function depthToSpace(node: ReadNode): Tensor {
  const [x, block] = [node.input(0), node.integer("blocksize", 1)];
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const depth = channels / block ** 2;
  const isDepthFirst = isDcr(node);
  const parts = isDepthFirst ? [batch, block, block, depth, height, width] : [batch, depth, block, block, height, width];
  const order = isDepthFirst ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
  return reshape(transpose(reshape(x, parts), order), [batch, depth, height * block, width * block]);
}

function spaceToDepth(node: ReadNode): Tensor {
  const [x, block] = [node.input(0), node.integer("blocksize", 1)];
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const parts = reshape(x, [batch, channels, height / block, block, width / block, block]);
  const order = isDcr(node) ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4];
  return reshape(transpose(parts, order), [batch, channels * block ** 2, height / block, width / block]);
}

function compress(node: ReadNode): Tensor {
  const x = node.input(0);
  const axis = node.has("axis") ? normalizeAxis("Compress", node.integer("axis", 0), x.rank) : undefined;
  const places = (node.known(1) ?? []).flatMap((isKept, i) => (isKept === 0 ? [] : [i]));
  return gather(axis === undefined ? reshape(x, [x.size]) : x, tensor(places, { dtype: "int32", shape: [places.length] }), {
    axis: axis ?? 0,
  });
}

function eyeLike(node: ReadNode): Tensor {
  const x = node.input(0);
  const [rows, columns] = x.shape as [number, number];
  const k = node.integer("k", 0);
  const dtype = node.has("dtype") ? dtypeOfOnnx(node, node.integer("dtype", 1)) : x.dtype;
  return cast(equal(add(reshape(arange(rows), [rows, 1]), k), arange(columns)), dtype);
}

/** Without repetitions, which only a known tensor has a number of; see the standard for the order of the outputs. */
function unique(node: ReadNode): readonly Tensor[] {
  node.check(!node.has("axis"), () => "it compares slices: expected it to compare elements (no axis)");
  const { dtype } = node.input(0);
  const values = node.known(0) ?? [];
  const first = new Map<number, number>();
  values.forEach((value, i) => {
    if (!first.has(value)) first.set(value, i);
  });
  const order = [...first.keys()];
  if (node.integer("sorted", 1) === 1) order.sort((a, b) => a - b);
  return [
    cast(tensor(order, { dtype: "float64", shape: [order.length] }), dtype),
    integersOf(order.map((value) => first.get(value) as number)),
    integersOf(values.map((value) => order.indexOf(value))),
    integersOf(order.map((value) => values.filter((other) => other === value).length)),
  ].slice(0, node.outputs);
}

export const shapeReaders: Readonly<Record<string, NodeReader>> = {
  ":Shape": { read: shapeOf },
  ":Size": { read: (node) => integersOf([node.input(0).size], []) },
  ":Constant": { read: constant },
  ":ConstantOfShape": { read: constantOfShape },
  ":Flatten": { read: flatten },
  ":Squeeze": {
    read: (node) => {
      const axis = node.integersOf("axes", 1);
      return squeeze(node.input(0), axis && { axis });
    },
  },
  ":Unsqueeze": { read: (node) => unsqueeze(node.input(0), { axis: node.integersOf("axes", 1) ?? [] }) },
  ":Tile": { read: (node) => tile(node.input(0), node.known(1) ?? []) },
  ":EyeLike": { read: eyeLike },
  ":NonZero": { read: nonZero },
  ":Trilu": { read: trilu },
  ":DepthToSpace": { read: depthToSpace },
  ":SpaceToDepth": { read: spaceToDepth },
  ":Compress": { read: compress },
  ":Unique": { read: unique },
};
