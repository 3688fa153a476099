import { checkNumbers } from "../graph/numbers.js";
import type { Tensor } from "../graph/tensor.js";
import { add, div, mul, sqrt, square } from "../ops/arithmetic.js";
import { checkEpsilon, movingAverage, Optimizer, type OptimizerOptions, optimizerOptions, type Rule, type Trained } from "./optimizer.js";

/** Settings of {@link Adadelta}. */
export interface AdadeltaOptions extends OptimizerOptions {
  /** ρ, the share of the averages that is kept. */
  readonly decay?: number;
  readonly epsilon?: number;
}

/**
 * `s ← ρ s + (1 - ρ) g²`, `Δ = g √(u + ε) / √(s + ε)`, `u ← ρ u + (1 - ρ) Δ²`, `θ ← θ - η Δ`;
 * the paper's own learning rate is 1 (Zeiler 2012, ADADELTA, algorithm 1).
 */
export class Adadelta extends Optimizer<"squares" | "updates", AdadeltaOptions> {
  constructor(parameters: Trained, options: AdadeltaOptions) {
    super(parameters, options, { ...optimizerOptions, decay: "optional", epsilon: "optional" }, () => ["squares", "updates"]);
    checkEpsilon(options);
    checkNumbers("Adadelta", { decay: options.decay }, { below: 1 });
  }

  protected rule(rate: Tensor): Rule<"squares" | "updates"> {
    const { decay = 0.9, epsilon = 1e-6 } = this.options;
    return (g, _, { squares, updates }) => {
      const s = movingAverage(squares, square(g), decay);
      const update = mul(g, sqrt(div(add(updates, epsilon), add(s, epsilon))));
      movingAverage(updates, square(update), decay);
      return mul(rate, update);
    };
  }
}
