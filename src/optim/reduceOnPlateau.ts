import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkChoice, checkOptions, type OptionNames } from "../graph/options.js";
import { Variable } from "../graph/variable.js";
import { scalar } from "../ops/constants.js";
import type { Optimizer } from "./optimizer.js";

/** Settings of {@link ReduceOnPlateau}. */
export interface ReduceOnPlateauOptions {
  /** What the rate is multiplied by; by default 0.1. */
  readonly factor?: number;
  /** So many figures without improvement are waited for; by default 10. */
  readonly patience?: number;
  /** Whether lower figures are better; by default `"min"`. */
  readonly mode?: "min" | "max";
  /** The share of the best figure by which a better one must differ from it; by default 0.0001. */
  readonly threshold?: number;
  /** The rate falls no further. */
  readonly minimumRate?: number;
}

const plateauOptions: OptionNames<ReduceOnPlateauOptions> = {
  factor: "optional",
  patience: "optional",
  mode: "optional",
  threshold: "optional",
  minimumRate: "optional",
};

/**
 * Lowers an optimizer's learning rate where a figure of the validation no longer improves: after more than `patience` figures in a row that
 * were no better than the best. A checkpoint keeps where it stands: `state: { model, optimizer, plateau }`.
 */
export class ReduceOnPlateau {
  private readonly best = new Variable(scalar(0, "float32"), { name: "best", trainable: false });
  /** Figures since the best one; -1 before the first. */
  private readonly since = new Variable(scalar(-1, "int32"), { name: "since", trainable: false });

  constructor(
    private readonly optimizer: Optimizer,
    private readonly options: ReduceOnPlateauOptions = {},
  ) {
    checkOptions("ReduceOnPlateau", options, plateauOptions);
    const { factor = 0.1, patience = 10, mode = "min", ...numbers } = options;
    checkChoice("ReduceOnPlateau", "mode", mode, ["min", "max"]);
    checkNumbers("ReduceOnPlateau", numbers);
    check(factor > 0 && factor < 1, () => `ReduceOnPlateau: factor ${factor}: expected a number above 0 and below 1`);
    check(Number.isInteger(patience) && patience >= 0, () => `ReduceOnPlateau: patience ${patience}: expected an integer from 0`);
  }

  /**
   * Takes the next figure, such as a validation loss.
   * @returns whether the rate was lowered
   * @throws KasaneError where the figure is NaN
   */
  async observe(figure: number): Promise<boolean> {
    const { factor = 0.1, patience = 10, mode = "min", threshold = 1e-4, minimumRate = 0 } = this.options;
    check(typeof figure === "number" && !Number.isNaN(figure), () => `ReduceOnPlateau: the figure is ${figure}, expected a number`);
    const [best, since] = [await this.best.item(), await this.since.item()];
    const margin = Number.isFinite(best) ? Math.abs(best) * threshold : 0;
    // The best one is kept as float32.
    const kept = Math.fround(figure);
    if (since < 0 || (mode === "min" ? kept < best - margin : kept > best + margin)) {
      await Promise.all([this.best.assign(scalar(figure, "float32")), this.since.assign(scalar(0, "int32"))]);
      return false;
    }
    const lowers = since + 1 > patience;
    await this.since.assign(scalar(lowers ? 0 : since + 1, "int32"));
    if (!lowers) return false;
    const rate = await this.optimizer.learningRate.item();
    const next = Math.fround(Math.max(minimumRate, factor * rate));
    if (next >= rate) return false;
    this.optimizer.learningRate = next;
    return true;
  }

  /** What a checkpoint keeps. */
  namedVariables(): Map<string, Variable> {
    return new Map([
      ["best", this.best],
      ["since", this.since],
    ]);
  }
}
