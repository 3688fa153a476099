import type { Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { gather } from "../ops/indexing.js";
import { scatteredRows, setRows, sumRows } from "../ops/rows.js";

/** A variable, or some rows of one: what is assigned to them is assigned to these rows of the variable. */
export type Assignable = Tensor & { assign(value: Tensor): Promise<void> };

/** How a parameter takes part in an update: as a whole, or by rows. */
interface Update {
  /** The gradient, or its rows each once: what is clipped. */
  readonly gradient: Tensor;
  /** The gradient of each element of the part, given the clipped one. */
  gradientOf(clipped: Tensor): Tensor;
  /** The part that is updated, of the parameter and of what is kept for it. */
  partOf(variable: Variable): Assignable;
}

/** The update of a whole parameter. */
export const whole = (gradient: Tensor): Update => ({ gradient, gradientOf: (g) => g, partOf: (variable) => variable });

/**
 * The update of those rows that the gradient is made of; undefined where it is of all.
 * @param onlyFew whether to leave it at that where they are so many that an update of the whole costs less
 */
export function byRows(gradient: Tensor, parameter: Variable, onlyFew: boolean): Update | undefined {
  const scattered = scatteredRows(gradient);
  const [count] = parameter.shape as [number];
  if (!scattered || (onlyFew && scattered.indices.size > count / 2)) return undefined;
  const { indices } = scattered;
  const { sums, places } = sumRows(scattered, count);
  // A row that stands several times is computed as often, alike.
  const partOf = (variable: Variable) => {
    const rows = gather(variable, indices);
    return Object.assign(rows, { assign: (value: Tensor) => variable.assign(setRows(variable, indices, value)) });
  };
  return { gradient: sums, gradientOf: (g) => gather(g, places), partOf };
}
