import type { Tensor } from "../graph/tensor.js";
import { add, div, mul, sqrt, square, tanh } from "../ops/elementwise.js";
import { movingAverage, Optimizer, type OptimizerOptions, type Rule, type Trained } from "./optimizer.js";

type Moments = "firstMoment" | "secondMoment";

/** Settings of {@link Adam}. */
export interface AdamOptions extends OptimizerOptions {
  /** β₁, the share of the first moment that is kept. */
  readonly beta1?: number;
  /** β₂, the share of the second moment that is kept. */
  readonly beta2?: number;
  readonly epsilon?: number;
}

/**
 * `m ← β₁ m + (1 - β₁) g`, `v ← β₂ v + (1 - β₂) g²`, `θ ← θ - η m̂ / (√v̂ + ε)` in update `t`, where `m̂ = m / (1 - β₁ᵗ)` and
 * `v̂ = v / (1 - β₂ᵗ)` (Kingma and Ba 2014, Adam, algorithm 1).
 */
export class Adam<Options extends AdamOptions = AdamOptions> extends Optimizer<Moments, Options> {
  constructor(parameters: Trained, options: Options) {
    super(parameters, options, ["firstMoment", "secondMoment"]);
  }

  protected rule(rate: Tensor): Rule<Moments> {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = this.options;
    // m̂ / (√v̂ + ε) = (√c₂ / c₁) m / (√v + ε √c₂) with c = 1 - βᵗ: the corrections are scalars, made once for all parameters.
    const t = this.count();
    const root = sqrt(powerComplement(beta2, t));
    const scale = div(mul(rate, root), powerComplement(beta1, t));
    const floor = mul(root, epsilon);
    return (g, _, { firstMoment, secondMoment }) => {
      const m = movingAverage(firstMoment, g, beta1);
      const v = movingAverage(secondMoment, square(g), beta2);
      return mul(scale, div(m, add(sqrt(v), floor)));
    };
  }
}

/** `1 - βᵗ` as `2 h / (1 + h)` with `h = tanh(-t ln β / 2)`, since a β near 1 and its powers lose their digits in float32. */
function powerComplement(beta: number, t: Tensor): Tensor {
  const h = tanh(mul(t, -Math.log(beta) / 2));
  return div(mul(2, h), add(1, h));
}

/** Settings of {@link AdamW}. */
export interface AdamWOptions extends AdamOptions {
  /** λ, which shrinks a parameter by the factor `1 - η λ` an update. */
  readonly weightDecay?: number;
}

/** {@link Adam} with `θ ← θ - η λ θ` beside it (Loshchilov and Hutter 2017, Decoupled weight decay regularization, algorithm 2). */
export class AdamW extends Adam<AdamWOptions> {
  protected override rule(rate: Tensor): Rule<Moments> {
    const adam = super.rule(rate);
    const decay = mul(rate, this.options.weightDecay ?? 0.01);
    return (gradient, parameter, slots) => add(adam(gradient, parameter, slots), mul(decay, parameter));
  }
}
