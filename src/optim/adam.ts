import { checkNumbers } from "../graph/numbers.js";
import type { OptionNames } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { add, div, maximum, mul, sqrt, square } from "../ops/arithmetic.js";
import { scalar } from "../ops/constants.js";
import { checkEpsilon, movingAverage, Optimizer, type OptimizerOptions, optimizerOptions, type Rule, type Trained } from "./optimizer.js";

type Moments = "firstMoment" | "secondMoment" | "largestSecondMoment";

/** Settings of {@link Adam}. */
export interface AdamOptions extends OptimizerOptions {
  /** β₁, the share of the first moment that is kept. */
  readonly beta1?: number;
  /** β₂, the share of the second moment that is kept. */
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Whether updates are divided by the largest second moment so far (Reddi, Kale and Kumar 2018, On the convergence of Adam and beyond). */
  readonly amsgrad?: boolean;
}

const adamOptions: OptionNames<AdamOptions> = {
  ...optimizerOptions,
  beta1: "optional",
  beta2: "optional",
  epsilon: "optional",
  amsgrad: "optional",
};

/**
 * `m ← β₁ m + (1 - β₁) g`, `v ← β₂ v + (1 - β₂) g²`, `θ ← θ - η m̂ / (√v̂ + ε)` in update `t`, where `m̂ = m / (1 - β₁ᵗ)` and
 * `v̂ = v / (1 - β₂ᵗ)` (Kingma and Ba 2014, Adam, algorithm 1). With `amsgrad` the largest `v` so far stands in place of `v` in `v̂`, as PyTorch has it.
 */
export class Adam extends Optimizer<Moments, AdamOptions> {
  /** `1 - βᵗ` is the moving average of ones. Kept as such it holds all its digits, which a power of a β near 1 does not in float32. */
  private readonly corrections = {
    firstCorrection: new Variable(scalar(0, "float32"), { name: "firstCorrection", trainable: false }),
    secondCorrection: new Variable(scalar(0, "float32"), { name: "secondCorrection", trainable: false }),
  };

  /** @param names of the options: an optimizer that extends this one has its own */
  constructor(parameters: Trained, options: AdamOptions, names = adamOptions) {
    super(parameters, options, names, ({ amsgrad }) => [
      "firstMoment",
      "secondMoment",
      ...(amsgrad ? (["largestSecondMoment"] as const) : []),
    ]);
    checkEpsilon(options);
    const { beta1, beta2 } = options;
    checkNumbers(this.constructor.name, { beta1, beta2 }, { below: 1 });
  }

  protected rule(rate: Tensor): Rule<Moments> {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false } = this.options;
    // m̂ / (√v̂ + ε) = (√c₂ / c₁) m / (√v + ε √c₂) with the corrections c = 1 - βᵗ, of which all is computed once for all parameters.
    const root = sqrt(movingAverage(this.corrections.secondCorrection, scalar(1, "float32"), beta2));
    const scale = div(mul(rate, root), movingAverage(this.corrections.firstCorrection, scalar(1, "float32"), beta1));
    const floor = mul(root, epsilon);
    return (g, _, { firstMoment, secondMoment, largestSecondMoment }) => {
      const m = movingAverage(firstMoment, g, beta1);
      const v = movingAverage(secondMoment, square(g), beta2);
      const largest = amsgrad ? maximum(largestSecondMoment, v) : v;
      if (amsgrad) largestSecondMoment.assign(largest);
      return mul(scale, div(m, add(sqrt(largest), floor)));
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

const adamWOptions: OptionNames<AdamWOptions> = { ...adamOptions, weightDecay: "optional" };

/** {@link Adam} with `θ ← θ - η λ θ` beside it (Loshchilov and Hutter 2017, Decoupled weight decay regularization, algorithm 2). */
export class AdamW extends Adam {
  private readonly weightDecay: number;

  constructor(parameters: Trained, options: AdamWOptions) {
    super(parameters, options, adamWOptions);
    const { weightDecay = 0.01 } = options;
    checkNumbers("AdamW", { weightDecay });
    this.weightDecay = weightDecay;
  }

  protected override rule(rate: Tensor): Rule<Moments> {
    const adam = super.rule(rate);
    return (gradient, parameter, slots, weightDecay = this.weightDecay) => {
      const change = adam(gradient, parameter, slots, undefined);
      return weightDecay === 0 ? change : add(change, mul(mul(rate, weightDecay), parameter));
    };
  }
}
