import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { add, div, mul, sqrt, square } from "../ops/arithmetic.js";
import { scalar } from "../ops/constants.js";
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
  /** `1 - βᵗ` is the moving average of ones. Kept as such it holds all its digits, which a power of a β near 1 does not in float32. */
  private readonly corrections = {
    firstCorrection: new Variable(scalar(0, "float32"), { name: "firstCorrection", trainable: false }),
    secondCorrection: new Variable(scalar(0, "float32"), { name: "secondCorrection", trainable: false }),
  };

  constructor(parameters: Trained, options: Options) {
    super(parameters, options, ["firstMoment", "secondMoment"]);
  }

  protected rule(rate: Tensor): Rule<Moments> {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = this.options;
    // m̂ / (√v̂ + ε) = (√c₂ / c₁) m / (√v + ε √c₂) with the corrections c = 1 - βᵗ, of which all is computed once for all parameters.
    const root = sqrt(movingAverage(this.corrections.secondCorrection, scalar(1, "float32"), beta2));
    const scale = div(mul(rate, root), movingAverage(this.corrections.firstCorrection, scalar(1, "float32"), beta1));
    const floor = mul(root, epsilon);
    return (g, _, { firstMoment, secondMoment }) => {
      const m = movingAverage(firstMoment, g, beta1);
      const v = movingAverage(secondMoment, square(g), beta2);
      return mul(scale, div(m, add(sqrt(v), floor)));
    };
  }

  override namedVariables(): Map<string, Variable> {
    return new Map([...super.namedVariables(), ...Object.entries(this.corrections)]);
  }
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
