/** The mean and the variance of rows of numbers as they come, by which observations and rewards are normalised (Chan et al. 1979). */
export class RunningMoments {
  /** Per number of a row the mean, then the variance; last the count. It starts as a count of 1e-4 of mean 0 and variance 1. */
  readonly memory: Float64Array<ArrayBuffer>;

  constructor(private readonly size: number) {
    this.memory = new Float64Array(2 * size + 1);
    this.memory.fill(1, size, 2 * size);
    this.memory[2 * size] = 1e-4;
  }

  /** Takes rows in. */
  add(rows: ArrayLike<number>): void {
    const { memory, size } = this;
    const count = rows.length / size;
    const before = memory[2 * size] as number;
    const total = before + count;
    for (let i = 0; i < size; i++) {
      let [mean, squares] = [0, 0];
      for (let j = i; j < rows.length; j += size) mean += (rows[j] as number) / count;
      for (let j = i; j < rows.length; j += size) squares += ((rows[j] as number) - mean) ** 2;
      const difference = mean - (memory[i] as number);
      const variance = memory[size + i] as number;
      memory[i] = (memory[i] as number) + (difference * count) / total;
      memory[size + i] = (variance * before + squares + (difference ** 2 * before * count) / total) / total;
    }
    memory[2 * size] = total;
  }

  /** Writes `(x - mean) / deviation`, held within ±limit. */
  normalise(rows: ArrayLike<number>, into: Float32Array, limit = 10): void {
    const { memory, size } = this;
    for (let j = 0; j < rows.length; j++) {
      const i = j % size;
      const value = ((rows[j] as number) - (memory[i] as number)) / Math.sqrt((memory[size + i] as number) + 1e-8);
      into[j] = Math.min(Math.max(value, -limit), limit);
    }
  }

  /** The standard deviation of a number of the rows. */
  deviation(i = 0): number {
    return Math.sqrt((this.memory[this.size + i] as number) + 1e-8);
  }
}
