import type { Tensor } from "../graph/tensor.js";
import { add, div, mul, sqrt, square } from "../ops/arithmetic.js";
import { checkEpsilon, Optimizer, type OptimizerOptions, optimizerOptions, type Rule, type Trained } from "./optimizer.js";

/** Settings of {@link Adagrad}. */
export interface AdagradOptions extends OptimizerOptions {
  readonly epsilon?: number;
}

/** `s ← s + g²`, `θ ← θ - η g / (√s + ε)` (Duchi et al. 2011, Adaptive subgradient methods, figure 1 with diagonal matrices). */
export class Adagrad extends Optimizer<"squares", AdagradOptions> {
  constructor(parameters: Trained, options: AdagradOptions) {
    super(parameters, options, { ...optimizerOptions, epsilon: "optional" }, () => ["squares"]);
    checkEpsilon(options);
  }

  protected override leavesRows(): boolean {
    return true;
  }

  protected rule(rate: Tensor): Rule<"squares"> {
    const { epsilon = 1e-10 } = this.options;
    return (g, _, { squares }) => {
      const s = add(squares, square(g));
      squares.assign(s);
      return mul(rate, div(g, add(sqrt(s), epsilon)));
    };
  }
}
