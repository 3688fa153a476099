import { arrayOf, type TypedArray } from "../graph/dtype.js";
import { fromData, hostData, type Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import type { RunExplanation, Runnable } from "../runtime/executor.js";

/** Runs a plan once for each slice of its inputs and stacks the outputs. */
export class SequentialPlan implements Runnable {
  readonly reads: readonly Variable[];
  readonly writes: readonly Variable[];
  readonly usesRandom: boolean;

  constructor(
    private readonly plan: Runnable,
    private readonly runs: number,
  ) {
    this.reads = plan.reads;
    this.writes = plan.writes;
    this.usesRandom = plan.usesRandom;
  }

  async run(values: readonly TypedArray[], [seed, counter]: readonly [number, number]): Promise<Tensor[]> {
    const results: Tensor[][] = [];
    for (let i = 0; i < this.runs; i++) {
      const slices = values.map((data) => {
        const each = data.length / this.runs;
        return data.slice(i * each, (i + 1) * each) as TypedArray;
      });
      results.push([...(await this.plan.run(slices, [seed, counter + i]))]);
    }
    return (results[0] as Tensor[]).map((first, k) =>
      stack(
        results.map((outputs) => outputs[k] as Tensor),
        first,
      ),
    );
  }

  explain(): RunExplanation {
    return this.plan.explain();
  }

  release(): Promise<void> {
    return this.plan.release();
  }
}

function stack(results: readonly Tensor[], { dtype, shape, size }: Tensor): Tensor {
  const all = new (arrayOf(dtype))(results.length * size);
  results.forEach((result, i) => all.set(hostData(result) as never, i * size));
  return fromData(all, [results.length, ...shape], dtype);
}
