import type { Tensor } from "../graph/tensor.js";
import { isZero, zeros } from "./create.js";
import { elementwise } from "./elementwise.js";
import { indexing, placesOfSums } from "./indexing.js";
import { apply, type Operands } from "./operator.js";
import { concat } from "./pieces.js";
import { reshape } from "./shapes.js";

/** `x` with `rows` `[n, ...]` added to those that `indices` `[n]`, from 0, name. */
export const addRows = (x: Tensor, indices: Tensor, rows: Tensor): Tensor =>
  apply(indexing.ScatterND, [x, reshape(indices, [indices.size, 1]), rows]);

/** Rows `[n, ...]` that are added up where their indices `[n]`, from 0, point. */
export interface ScatteredRows {
  readonly indices: Tensor;
  readonly rows: Tensor;
}

/** What `x` is the sum of, where it was made of nothing but rows scattered into zeros, as the gradient of {@link gather} is. */
export function scatteredRows({ source }: Tensor): ScatteredRows | undefined {
  if (source.kind !== "node") return undefined;
  const { operator, inputs } = source;
  if (operator === elementwise.Add) {
    const [a, b] = inputs.map(scatteredRows);
    return a && b && { indices: concat([a.indices, b.indices]), rows: concat([a.rows, b.rows]) };
  }
  const [onto, indices, rows] = inputs as Operands;
  return operator === indexing.ScatterND && isZero(onto) ? { indices: reshape(indices, [indices.size]), rows } : undefined;
}

/** {@link ScatteredRows} with the rows of the same index added up, `[n, ...]` in places of which some are zeros, and each index's place `[n]`. */
export function sumRows({ indices, rows }: ScatteredRows, count: number): { sums: Tensor; places: Tensor } {
  const places = placesOfSums(indices, count);
  return { sums: addRows(zeros(rows.shape, rows.dtype), places, rows), places };
}
