import type { Tensor } from "../graph/tensor.js";
import { arithmetic } from "./arithmetic.js";
import { isZero } from "./create.js";
import { indexing, type ScatteredRows } from "./indexing.js";
import { match } from "./match.js";
import { reshape } from "./shapes.js";
import { concat } from "./slicing.js";

/** What `x` is the sum of, where it was made of nothing but rows scattered into zeros, as the gradient of {@link gather} is. */
export function scatteredRows(x: Tensor): ScatteredRows | undefined {
  const sum = match(x, arithmetic.Add);
  if (sum) {
    const [a, b] = sum.inputs.map(scatteredRows);
    return a && b && { indices: concat([a.indices, b.indices]), rows: concat([a.rows, b.rows]) };
  }
  const [onto, indices, rows] = match(x, indexing.ScatterND)?.inputs ?? [];
  return onto && indices && rows && isZero(onto) ? { indices: reshape(indices, [indices.size]), rows } : undefined;
}
