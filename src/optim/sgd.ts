import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import type { Tensor } from "../graph/tensor.js";
import { add, mul } from "../ops/arithmetic.js";
import { Optimizer, type OptimizerOptions, optimizerOptions, type Rule, type Trained } from "./optimizer.js";

/** Settings of {@link Sgd}. */
export interface SgdOptions extends OptimizerOptions {
  /** μ, the share of the velocity that is kept. */
  readonly momentum?: number;
  /** Whether the gradient is looked ahead along the velocity. */
  readonly nesterov?: boolean;
  /** λ, how much of a parameter is added to its gradient. */
  readonly weightDecay?: number;
}

/**
 * Gradient descent, `θ ← θ - η g` with `g = ∇L + λ θ`. With momentum (Polyak 1964) `v ← μ v + g` and `θ ← θ - η v`,
 * with Nesterov's `θ ← θ - η (g + μ v)` (Sutskever et al. 2013, On the importance of initialization and momentum in deep learning).
 */
export class Sgd extends Optimizer<"velocity", SgdOptions> {
  constructor(parameters: Trained, options: SgdOptions) {
    const names = { ...optimizerOptions, momentum: "optional", nesterov: "optional", weightDecay: "optional" } as const;
    super(parameters, options, names, ({ momentum }) => (momentum ? ["velocity"] : []));
    const { momentum, weightDecay } = options;
    checkNumbers("Sgd", { momentum }, { below: 1 });
    checkNumbers("Sgd", { weightDecay });
    check(!options.nesterov || !!options.momentum, () => "Sgd: Nesterov's method needs a momentum, such as 0.9");
  }

  protected override leavesRows(): boolean {
    const { momentum, weightDecay, groups = [] } = this.options;
    return !momentum && !weightDecay && groups.every((group) => !group.weightDecay);
  }

  protected override isProportional(): boolean {
    return this.leavesRows();
  }

  protected rule(rate: Tensor): Rule<"velocity"> {
    const { momentum, nesterov } = this.options;
    return (gradient, parameter, { velocity }, weightDecay = this.options.weightDecay) => {
      const g = weightDecay ? add(gradient, mul(weightDecay, parameter)) : gradient;
      if (!momentum) return mul(rate, g);
      const v = add(mul(momentum, velocity), g);
      velocity.assign(v);
      return mul(rate, nesterov ? add(g, mul(momentum, v)) : v);
    };
  }
}
