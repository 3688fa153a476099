import type { Tensor } from "../graph/tensor.js";
import { mul } from "./arithmetic.js";
import { ones } from "./create.js";
import { matmul } from "./matmul.js";
import { reshape, transpose } from "./shapes.js";
import { concat, slice } from "./slicing.js";

// Sums and products of integers modulo 2^bits of their dtype, where a target's reductions go through floating-point numbers.

/** The elements along `axes` in rows: `[rows, count]`. */
function rowsOf(x: Tensor, axes: readonly number[]): Tensor {
  const kept = [...x.shape.keys()].filter((axis) => !axes.includes(axis));
  const sizes = (list: readonly number[]) => list.reduce((product, axis) => product * (x.shape[axis] as number), 1);
  return reshape(transpose(x, [...kept, ...axes]), [sizes(kept), sizes(axes)]);
}

/** The sum over `axes`, as a flat list: products of integers are exact. */
export function sumOfIntegers(x: Tensor, axes: readonly number[]): Tensor {
  const rows = rowsOf(x, axes);
  return matmul(rows, ones([rows.shape[1] as number], x.dtype));
}

/** The product over `axes`, as a flat list: one half of each row times the other, again and again. */
export function productOfIntegers(x: Tensor, axes: readonly number[]): Tensor {
  let rows = rowsOf(x, axes);
  const [rowCount, count] = rows.shape as [number, number];
  if (count === 0) return ones([rowCount], x.dtype);
  for (let size = count; size > 1; size = Math.ceil(size / 2)) {
    const half = Math.floor(size / 2);
    const product = mul(slice(rows, [[], [0, half]]), slice(rows, [[], [half, 2 * half]]));
    rows = size % 2 === 1 ? concat([product, slice(rows, [[], [2 * half]])], { axis: 1 }) : product;
  }
  return reshape(rows, [rowCount]);
}
