import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import type { Module } from "../nn/module.js";
import { add, mul } from "../ops/elementwise.js";
import { Optimizer, type OptimizerOptions, type Rule } from "./optimizer.js";

/** Settings of {@link SGD}. */
export interface SGDOptions extends OptimizerOptions {
  /** The share μ of the velocity that is kept. */
  readonly momentum?: number;
  /** Whether the gradient is taken to be where the momentum will have led. */
  readonly nesterov?: boolean;
  /** λ, how much of the parameter is added to its gradient. */
  readonly weightDecay?: number;
}

/**
 * Gradient descent, `θ ← θ - η g` with `g = ∇θ + λ θ`; with momentum (Polyak 1964) `v ← μ v + g` and `θ ← θ - η v`,
 * with Nesterov's `θ ← θ - η (g + μ v)` (Sutskever et al. 2013, On the importance of initialization and momentum, in PyTorch's form).
 */
export class SGD extends Optimizer<"velocity"> {
  constructor(
    parameters: Module | readonly Variable[],
    private readonly settings: SGDOptions,
  ) {
    super(parameters, settings, settings.momentum ? ["velocity"] : []);
    check(!settings.nesterov || !!settings.momentum, () => "SGD: Nesterov's method needs a momentum, such as 0.9");
  }

  protected rule(rate: Tensor): Rule<"velocity"> {
    const { momentum = 0, nesterov, weightDecay = 0 } = this.settings;
    return (gradient, parameter, { velocity }) => {
      const g = weightDecay ? add(gradient, mul(weightDecay, parameter)) : gradient;
      if (!momentum) return mul(rate, g);
      const v = add(mul(momentum, velocity), g);
      velocity.assign(v);
      return mul(rate, nesterov ? add(g, mul(momentum, v)) : v);
    };
  }
}
