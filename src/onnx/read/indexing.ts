import { sizeOf } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { add, mul, where } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { equal, greater, greaterEqual, less } from "../../ops/compare.js";
import { arange, ones, zeros } from "../../ops/create.js";
import { addRows, gather, scatterAdd } from "../../ops/indexing.js";
import { logicalAnd } from "../../ops/logic.js";
import { reshape, transpose, unsqueeze } from "../../ops/shapes.js";
import { split } from "../../ops/slicing.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";

const wrapped = (indices: Tensor, size: number): Tensor => where(less(indices, 0), add(indices, size), indices);

/** Greater than any row, and half of what int32 holds. */
const beyondAllRows = 2 ** 30;

/**
 * The row, among all along the leading axes `sizes`, that each list of indices along the last axis names. One out of range is out of range among all rows
 * too, for a selection to find.
 */
function rowsOf(indices: Tensor, sizes: readonly number[]): Tensor {
  const shape = indices.shape.slice(0, -1);
  const parts = split(cast(indices, "int32"), sizes.length, { axis: -1 }).map((part) => reshape(part, shape));
  const rows = parts.reduce<Tensor>(
    (row, part, i) => add(mul(row, sizes[i] as number), wrapped(part, sizes[i] as number)),
    zeros(shape, "int32"),
  );
  const areWithin = parts.map((part, i) => logicalAnd(greaterEqual(part, -(sizes[i] as number)), less(part, sizes[i] as number)));
  return areWithin.length === 0 ? rows : where(areWithin.reduce(logicalAnd), rows, beyondAllRows);
}

function gatherNd(node: ReadNode): Tensor {
  const [x, indices, batches] = [node.input(0), node.input(1), node.integer("batch_dims", 0)];
  const depth = indices.shape.at(-1) ?? 0;
  const [before, sizes, after] = [x.shape.slice(0, batches), x.shape.slice(batches, batches + depth), x.shape.slice(batches + depth)];
  const rows = rowsOf(indices, sizes);
  const batch = reshape(arange(sizeOf(before)), [...before, ...rows.shape.slice(batches).map(() => 1)]);
  const all = add(rows, mul(batch, sizeOf(sizes)));
  return gather(reshape(x, [sizeOf(before) * sizeOf(sizes), ...after]), all);
}

/** `x` in which some places are written: `added` has the sums of what is written there, `count` how much it is. */
function written(node: ReadNode, x: Tensor, scatter: (onto: Tensor, ofOnes: boolean) => Tensor): Tensor {
  const reduction = node.text("reduction", "none");
  if (reduction === "add") return scatter(x, false);
  node.check(reduction === "none", () => `the reduction ${reduction}: expected none or add`);
  const number = x.dtype === "bool" ? "int32" : x.dtype;
  const isWritten = greater(scatter(zeros(x.shape, number), true), 0);
  return cast(where(isWritten, scatter(zeros(x.shape, number), false), cast(x, number)), x.dtype);
}

function scatterElements(node: ReadNode): Tensor {
  const [x, indices, updates, axis] = [node.input(0), node.input(1), node.input(2), node.integer("axis", 0)];
  return written(node, x, (onto, ofOnes) =>
    scatterAdd(onto, indices, ofOnes ? ones(updates.shape, onto.dtype) : cast(updates, onto.dtype), { axis }),
  );
}

function scatterNd(node: ReadNode): Tensor {
  const [x, indices, updates] = [node.input(0), node.input(1), node.input(2)];
  const depth = indices.shape.at(-1) ?? 0;
  const [sizes, after] = [x.shape.slice(0, depth), x.shape.slice(depth)];
  const rows = rowsOf(indices, sizes);
  return written(node, x, (onto, ofOnes) => {
    const given = ofOnes ? ones(updates.shape, onto.dtype) : cast(updates, onto.dtype);
    const list = reshape(given, [rows.size, ...after]);
    return reshape(addRows(reshape(onto, [sizeOf(sizes), ...after]), reshape(rows, [rows.size]), list), x.shape);
  });
}

function oneHot(node: ReadNode): Tensor {
  const [indices, depth] = [node.input(0), node.known(1)?.[0] ?? 0];
  const [off, on] = split(node.input(2), 2) as [Tensor, Tensor];
  const integers = cast(indices, "int64");
  const isOne = equal(unsqueeze(wrapped(integers, depth), { axis: -1 }), cast(arange(depth), "int64"));
  const result = where(isOne, reshape(on, []), reshape(off, []));
  const axis = node.integer("axis", -1);
  const place = axis < 0 ? axis + result.rank : axis;
  const others = [...indices.shape.keys()];
  return transpose(result, [...others.slice(0, place), indices.rank, ...others.slice(place)]);
}

export const indexingReaders: Readonly<Record<string, NodeReader>> = {
  ":GatherND": { read: gatherNd },
  ":ScatterElements": { read: scatterElements },
  ":Scatter": { read: scatterElements },
  ":ScatterND": { read: scatterNd },
  ":OneHot": { read: oneHot, roles: { 2: "setting" } },
};
