import { stopGradient } from "../autodiff/custom.js";
import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { inModule } from "../graph/trace.js";
import { Variable } from "../graph/variable.js";
import { add, mul, sub, where } from "../ops/arithmetic.js";
import { equal, greaterEqual } from "../ops/compare.js";
import { scalar } from "../ops/constants.js";
import type { Optimizer } from "./optimizer.js";

/** Settings of {@link Lookahead}. */
export interface LookaheadOptions {
  /** k, how many updates the fast weights go ahead; by default 5. */
  readonly steps?: number;
  /** α, how far the slow weights follow; by default 0.5. */
  readonly share?: number;
}

/**
 * After every k updates of another optimizer the slow weights follow the parameters, `φ ← φ + α (θ - φ)`, and the parameters go on from there, `θ ← φ`
 * (Zhang et al. 2019, Lookahead optimizer: k steps forward, 1 step back, algorithm 1).
 */
export class Lookahead {
  /** Steps since the slow weights followed, from 1; 0 before the first step. */
  private readonly count = new Variable(scalar(0, "int32"), { name: "lookahead", trainable: false });
  private readonly slow: readonly Variable[];
  /** How many steps make k updates. */
  private readonly steps: number;
  private readonly share: number;

  /** @param optimizer that makes the steps; its learning rate is set there */
  constructor(
    readonly optimizer: Optimizer,
    options: LookaheadOptions = {},
  ) {
    checkOptions("Lookahead", options, { steps: "optional", share: "optional" });
    const { steps = 5, share = 0.5 } = options;
    check(Number.isSafeInteger(steps) && steps > 0, () => `Lookahead: steps ${steps}: expected an integer from 1`);
    check(share > 0 && share <= 1, () => `Lookahead: share ${share}: expected a number above 0, up to 1`);
    this.steps = steps * optimizer.accumulate;
    this.share = share;
    this.slow = optimizer.parameters.map((each) => new Variable(each, { name: `slow/${each.name}`, trainable: false }));
  }

  /** Differentiates the loss, a scalar, and makes one step; called in a function that is compiled. */
  minimize(loss: Tensor): void {
    const { parameters } = this.optimizer;
    const before = parameters.map((parameter) => stopGradient(parameter));
    this.optimizer.minimize(loss);
    inModule("Lookahead", () => {
      const isFirst = equal(this.count, 0);
      const count = add(where(greaterEqual(this.count, this.steps), 0, this.count), 1);
      const follows = greaterEqual(count, this.steps);
      void this.count.assign(count);
      parameters.forEach((parameter, i) => {
        const slow = this.slow[i] as Variable;
        const from = where(isFirst, before[i] as Tensor, slow);
        const next = stopGradient(where(follows, add(from, mul(sub(parameter, from), this.share)), from));
        void slow.assign(next);
        void parameter.assign(where(follows, next, parameter));
      });
    });
  }

  /** What a checkpoint keeps, that of the other optimizer too. */
  namedVariables(): Map<string, Variable> {
    const slow = this.slow.map((variable, i) => [`slow/${i}`, variable] as const);
    return new Map([...this.optimizer.namedVariables(), ["lookahead", this.count], ...slow]);
  }
}
