import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { currentTrace, inModule } from "../graph/trace.js";
import { Variable } from "../graph/variable.js";
import type { Module } from "../nn/module.js";
import { add, div, maximum, mul, reciprocal, sub, where } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { equal } from "../ops/compare.js";
import { scalar } from "../ops/constants.js";

/** Settings of {@link WeightAverage}. */
export interface WeightAverageOptions {
  /** What an average keeps of itself in an update, such as 0.999; by default all values so far count alike (Izmailov et al. 2018, equation 2). */
  readonly decay?: number;
  /** Whether the decay is at most `(1 + n) / (10 + n)` after `n` updates, so that the first values are soon forgotten; by default not. */
  readonly warmUp?: boolean;
}

/**
 * Averages of a module's floating-point variables, running statistics too, over the steps of training: often better than the last values (Polyak and
 * Juditsky 1992). `update` them at the end of the training step; a function compiled for evaluation computes `within` them, and `swap` puts them into
 * the module, such as for an export. The first update takes the values as they are. A checkpoint keeps them as part of its state.
 */
export class WeightAverage {
  /** How many updates were made. */
  private readonly count = new Variable(scalar(0, "int32"), { name: "averaged", trainable: false });
  private readonly averages: ReadonlyMap<string, readonly [variable: Variable, average: Variable]>;

  constructor(
    module: Module,
    private readonly options: WeightAverageOptions = {},
  ) {
    checkOptions("WeightAverage", options, { decay: "optional", warmUp: "optional" });
    const { decay, warmUp = false } = options;
    checkNumbers("WeightAverage", { decay }, { below: 1 });
    check(!warmUp || decay !== undefined, () => "WeightAverage: warmUp bounds a decay: give one, such as 0.999");
    const averaged = [...module.namedVariables()].filter(([, { dtype }]) => isFloat(dtype));
    this.averages = new Map(
      averaged.map(([name, variable]) => [name, [variable, new Variable(variable, { name: `average/${name}`, trainable: false })]]),
    );
  }

  /** Lets the values of the module count; called in a function that is compiled, after the optimizer. */
  update(): void {
    check(currentTrace() !== undefined, () => "WeightAverage: an update is part of a step: make it in a function given to compile");
    inModule("WeightAverage", () => {
      const share = this.share();
      void this.count.assign(add(this.count, 1));
      for (const [variable, average] of this.averages.values()) {
        void average.assign(add(average, mul(sub(variable, average), cast(share, average.dtype))));
      }
    });
  }

  /** How much the values count in the averages. */
  private share(): Tensor {
    const { decay, warmUp } = this.options;
    const count = cast(this.count, "float32");
    if (decay === undefined) return reciprocal(add(count, 1));
    const share = warmUp ? maximum(1 - decay, div(9, add(count, 10))) : 1 - decay;
    return where(equal(this.count, 0), 1, share);
  }

  /**
   * What `body` computes with the averages in place of the module's variables; called in a function that is compiled.
   * @throws KasaneError where the body assigns a variable, as batch normalisation does in training: it would follow from the averages
   */
  within<Result>(body: () => Result): Result {
    const trace = currentTrace();
    check(trace !== undefined, () => "WeightAverage: within: call it in a function given to compile, or swap the values");
    const pairs = [...this.averages.values()];
    const before = pairs.map(([variable]) => trace.readings.get(variable));
    const assigned = new Map(trace.assignments);
    for (const [variable, average] of pairs) trace.readings.set(variable, average);
    try {
      const result = body();
      for (const [variable, value] of trace.assignments) {
        check(
          assigned.get(variable) === value,
          () => `WeightAverage: within: ${variable.name} is assigned, as running statistics are in training`,
        );
      }
      return result;
    } finally {
      pairs.forEach(([variable], i) => {
        const reading = before[i];
        if (reading) trace.readings.set(variable, reading);
        else trace.readings.delete(variable);
      });
    }
  }

  /** Exchanges the values of the module and the averages; once more puts them back. */
  async swap(): Promise<void> {
    check(currentTrace() === undefined, () => "WeightAverage: swap in a traced function: compute within the averages there");
    // Tensors made of variables here keep the values that they have now.
    const pairs = [...this.averages.values()].map(([variable, average]) => ({
      variable,
      average,
      values: [variable.readNow(), average.readNow()],
    }));
    await Promise.all(
      pairs.flatMap(({ variable, average, values: [value, mean] }) => [variable.assign(mean as Tensor), average.assign(value as Tensor)]),
    );
  }

  /** What a checkpoint keeps. */
  namedVariables(): Map<string, Variable> {
    const averages = [...this.averages].map(([name, [, average]]) => [`average/${name}`, average] as const);
    return new Map([["averaged", this.count], ...averages]);
  }
}
