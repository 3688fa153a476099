import type { Tensor } from "../graph/tensor.js";
import { isTraining } from "../graph/trace.js";
import { Variable } from "../graph/variable.js";
import { abs, add, mul, sign, sqrt } from "../ops/arithmetic.js";
import { full } from "../ops/create.js";
import { random } from "../ops/random.js";
import { unsqueeze } from "../ops/shapes.js";
import { withinRoot } from "./init.js";
import { linear } from "./linear.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/**
 * `y = x (W + σ_W ⊙ ε_W)ᵀ + b + σ_b ⊙ ε_b`: a {@link linear} layer whose noise is learnt, so that an agent explores by it (Fortunato et al. 2017, Noisy
 * networks for exploration). The noise is factorised, `ε_W = f(ε_out) f(ε_in)ᵀ` and `ε_b = f(ε_out)` with `f(ε) = sign(ε) √|ε|` of normal ε, and drawn
 * anew each time that the layer runs, where the traced function trains; else there is none.
 */
export class NoisyLinear extends Module {
  /** `[outputSize, inputSize]` */
  readonly weight: Variable;
  readonly weightDeviation: Variable;
  /** `[outputSize]` */
  readonly bias: Variable;
  readonly biasDeviation: Variable;

  /** @param deviation σ₀: each σ starts at σ₀ / √inputSize */
  constructor(
    readonly inputSize: number,
    readonly outputSize: number,
    deviation = 0.5,
  ) {
    super();
    checkSizes("NoisyLinear", { inputSize, outputSize });
    const initialiser = withinRoot(inputSize);
    const start = deviation / Math.sqrt(inputSize);
    this.weight = new Variable(initialiser([outputSize, inputSize]));
    this.weightDeviation = new Variable(full([outputSize, inputSize], start, "float32"));
    this.bias = new Variable(initialiser([outputSize]));
    this.biasDeviation = new Variable(full([outputSize], start, "float32"));
  }

  /** `[..., inputSize]` to `[..., outputSize]`. */
  forward(x: Tensor): Tensor {
    if (!isTraining()) return linear(x, this.weight, this.bias);
    const noise = (size: number) => {
      const drawn = random.normal([size]);
      return mul(sign(drawn), sqrt(abs(drawn)));
    };
    const [inputs, outputs] = [noise(this.inputSize), noise(this.outputSize)];
    const weight = add(this.weight, mul(this.weightDeviation, mul(unsqueeze(outputs, { axis: 1 }), inputs)));
    return linear(x, weight, add(this.bias, mul(this.biasDeviation, outputs)));
  }
}
