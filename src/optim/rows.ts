import type { Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { neg, sub } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { addRows, gather, setRows, sumRows } from "../ops/indexing.js";
import { scatteredRows } from "../ops/rows.js";

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
  /** Subtracts a change from the parameter's part. */
  subtract(part: Assignable, change: Tensor): void;
}

const subtract = (part: Assignable, change: Tensor): void => void part.assign(cast(sub(part, change), part.dtype));

/** The update of a whole parameter. */
export const whole = (gradient: Tensor): Update => ({ gradient, gradientOf: (g) => g, partOf: (variable) => variable, subtract });

/** Settings of {@link byRows}. */
interface RowSettings {
  /** Whether to leave it at an update of the whole where the rows are so many that it costs less. */
  readonly onlyFew: boolean;
  /** Whether each row is added up before it is clipped or changed; otherwise the changes are added up. */
  readonly summed: boolean;
}

/** The update of those rows that the gradient is made of; undefined where it is of all. */
export function byRows(gradient: Tensor, parameter: Variable, { onlyFew, summed }: RowSettings): Update | undefined {
  const scattered = scatteredRows(gradient);
  const [count] = parameter.shape as [number];
  if (!scattered || (onlyFew && scattered.indices.size > count / 2)) return undefined;
  const { indices, rows } = scattered;
  // A row that stands several times is computed as often, alike.
  const partOf = (variable: Variable) => {
    const part = gather(variable, indices);
    return Object.assign(part, { assign: (value: Tensor) => variable.assign(setRows(variable, indices, value)) });
  };
  if (!summed) {
    const add = (change: Tensor) => parameter.assign(addRows(parameter, indices, cast(neg(change), parameter.dtype)));
    return { gradient: rows, gradientOf: (g) => g, partOf, subtract: (_, change) => void add(change) };
  }
  const { sums, places } = sumRows(scattered, count);
  return { gradient: sums, gradientOf: (g) => gather(g, places), partOf, subtract };
}
