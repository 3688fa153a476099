import type { Tensor } from "../graph/tensor.js";
import { arithmetic } from "./arithmetic.js";
import { isZero } from "./create.js";
import { indexing, type ScatteredRows } from "./indexing.js";
import type { Operands } from "./operator.js";
import { reshape } from "./shapes.js";
import { concat } from "./slicing.js";

/** What `x` is the sum of, where it was made of nothing but rows scattered into zeros, as the gradient of {@link gather} is. */
export function scatteredRows({ source }: Tensor): ScatteredRows | undefined {
  if (source.kind !== "node") return undefined;
  const { operator, inputs } = source;
  if (operator === arithmetic.Add) {
    const [a, b] = inputs.map(scatteredRows);
    return a && b && { indices: concat([a.indices, b.indices]), rows: concat([a.rows, b.rows]) };
  }
  const [onto, indices, rows] = inputs as Operands;
  return operator === indexing.ScatterND && isZero(onto) ? { indices: reshape(indices, [indices.size]), rows } : undefined;
}
