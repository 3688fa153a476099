import type { TypedArray } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import { fromData, hostData, type Tensor } from "../graph/tensor.js";
import { currentTrace } from "../graph/trace.js";
import { add, div, mul, sub } from "../ops/arithmetic.js";
import { hostElements } from "./hostElements.js";

/** Brings columns of numbers to mean 0 and standard deviation 1: `(x - mean) / deviation`. */
export class StandardScaler {
  /**
   * @param mean of each column
   * @param deviation of each column, above 0
   */
  constructor(
    readonly mean: readonly number[],
    readonly deviation: readonly number[],
  ) {
    check(
      mean.length === deviation.length && mean.every(Number.isFinite) && deviation.every((each) => Number.isFinite(each) && each > 0),
      () => `StandardScaler: ${mean.length} means and ${deviation.length} deviations: expected as many, finite, deviations above 0`,
    );
  }

  /**
   * The scaler of the columns of `x`; a column of equal numbers has the deviation 1, as in scikit-learn.
   * @param x `[rows, columns]`, with known elements
   */
  static fit(x: Tensor): StandardScaler {
    const [rows, columns] = x.shape;
    check(
      x.rank === 2 && rows !== undefined && rows > 0 && columns !== undefined,
      () => `StandardScaler: got ${showShape(x.shape)}, expected [rows, columns] with one row or more`,
    );
    const elements = hostElements("StandardScaler", x);
    const meanOf = (value: (i: number) => number, column: number) => {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += value(row * columns + column);
      return sum / rows;
    };
    const mean = Array.from({ length: columns }, (_, column) => meanOf((i) => Number(elements[i]), column));
    const deviation = mean.map((middle, column) => {
      // The mean of equal numbers may be off by rounding, and their deviation then tiny in place of 0.
      const isConstant = meanOf((i) => (elements[i] === elements[column] ? 0 : 1), column) === 0;
      return isConstant ? 1 : Math.sqrt(meanOf((i) => (Number(elements[i]) - middle) ** 2, column)) || 1;
    });
    return new StandardScaler(mean, deviation);
  }

  /** `x` `[..., columns]` scaled. Computed at once where its elements are known; in a traced function it is part of the graph. */
  transform(x: Tensor): Tensor {
    const [mean, deviation] = [this.row(x, this.mean), this.row(x, this.deviation)];
    const elements = currentTrace() ? undefined : hostData(x);
    if (!elements) return div(sub(x, mean), deviation);
    // In single precision at every operation, so that a served model gets the numbers that it was trained on.
    const [means, deviations] = [mean, deviation].map((row) => hostElements("StandardScaler", row)) as [TypedArray, TypedArray];
    const scaled = Float32Array.from({ length: x.size }, (_, i) => {
      const column = i % means.length;
      return Math.fround(Number(elements[i]) - Number(means[column])) / Number(deviations[column]);
    });
    return fromData(scaled, x.shape, "float32");
  }

  /** Undoes {@link transform}. */
  inverseTransform(x: Tensor): Tensor {
    return add(mul(x, this.row(x, this.deviation)), this.row(x, this.mean));
  }

  private row(x: Tensor, values: readonly number[]): Tensor {
    check(
      x.shape.at(-1) === values.length,
      () => `StandardScaler: got ${showShape(x.shape)}, expected ${values.length} columns, as it was fitted to`,
    );
    return fromData(Float32Array.from(values), [values.length], "float32");
  }
}
