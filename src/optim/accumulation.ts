import type { Tensor } from "../graph/tensor.js";
import { rebuild, type Trace } from "../graph/trace.js";
import { Variable } from "../graph/variable.js";
import { add, div, where } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { greaterEqual } from "../ops/compare.js";
import { scalar } from "../ops/constants.js";
import { zeros } from "../ops/create.js";

/** Sums of gradients over the steps that make one update. */
export class Accumulation {
  /** How many steps the sums are of. */
  private readonly count = new Variable(scalar(0, "int32"), { name: "accumulated", trainable: false });
  private readonly sums: readonly Variable[];

  /**
   * @param steps that make one update
   * @param gradients the names, shapes and dtypes of the gradients
   */
  constructor(
    private readonly steps: number,
    gradients: readonly (Pick<Tensor, "shape" | "dtype"> & { readonly name: string })[],
  ) {
    this.sums = gradients.map(
      ({ name, shape, dtype }) => new Variable(zeros(shape, dtype), { name: `accumulated/${name}`, trainable: false }),
    );
  }

  /**
   * Adds the gradients of a step, and updates if it is the last of an update's.
   * @param update makes an update of mean gradients by assigning variables; called in every trace, its assignments hold in those steps
   */
  apply(trace: Trace, gradients: readonly Tensor[], update: (means: Tensor[]) => void): void {
    const count = add(this.count, 1);
    // A run that was resumed with fewer steps may have more already.
    const isLast = greaterEqual(count, this.steps);
    const totals = gradients.map((gradient, i) => add(this.sums[i] as Variable, gradient));
    const before = new Map(trace.readings);
    update(totals.map((total) => div(total, cast(count, total.dtype))));
    for (const [variable, value] of trace.assignments) {
      const old = before.get(variable) ?? variable;
      // A variable that was assigned is read as the new value. Here the old one is meant.
      if (trace.readings.get(variable) !== old) void variable.assign(rebuild(() => where(isLast, value, old)));
    }
    void this.count.assign(where(isLast, 0, count));
    totals.forEach((total, i) => void this.sums[i]?.assign(where(isLast, 0, total)));
  }

  namedVariables(): [string, Variable][] {
    return [this.count, ...this.sums].map((variable) => [variable.name, variable]);
  }
}
