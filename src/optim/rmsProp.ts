import { checkNumbers } from "../graph/numbers.js";
import type { Tensor } from "../graph/tensor.js";
import { add, div, mul, sqrt, square } from "../ops/arithmetic.js";
import { checkEpsilon, movingAverage, Optimizer, type OptimizerOptions, optimizerOptions, type Rule, type Trained } from "./optimizer.js";

/** Settings of {@link RmsProp}. */
export interface RmsPropOptions extends OptimizerOptions {
  /** ρ, the share of the average that is kept. */
  readonly decay?: number;
  readonly epsilon?: number;
}

/** `s ← ρ s + (1 - ρ) g²`, `θ ← θ - η g / (√s + ε)` (Tieleman and Hinton 2012, Neural Networks for Machine Learning, lecture 6.5). */
export class RmsProp extends Optimizer<"squares", RmsPropOptions> {
  constructor(parameters: Trained, options: RmsPropOptions) {
    super(parameters, options, { ...optimizerOptions, decay: "optional", epsilon: "optional" }, () => ["squares"]);
    checkEpsilon(options);
    checkNumbers("RmsProp", { decay: options.decay }, { below: 1 });
  }

  protected rule(rate: Tensor): Rule<"squares"> {
    const { decay = 0.99, epsilon = 1e-8 } = this.options;
    return (g, _, { squares }) => {
      const s = movingAverage(squares, square(g), decay);
      return mul(rate, div(g, add(sqrt(s), epsilon)));
    };
  }
}
