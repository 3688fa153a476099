import { check } from "../../graph/error.js";
import { checkOptions } from "../../graph/options.js";
import { Environment, type EnvironmentOptions } from "../environment.js";
import { type Drawable, type Picture, rectangle } from "../picture.js";
import { Discrete } from "../space.js";

/** Options of {@link Bandit}. */
export interface BanditOptions extends EnvironmentOptions {
  /** How many arms there are, by default 10. */
  readonly arms?: number;
  /** The mean of the arms' values, by default 0. */
  readonly meanValue?: number;
}

/**
 * A bandit of several arms. An episode is a problem: the values of the arms are drawn from a normal distribution with standard deviation 1, and the
 * reward of a step is the value of the arm pulled plus normal noise of standard deviation 1. There is one observation, 0. An episode is truncated
 * after 1,000 steps. Sutton and Barto (2018), Reinforcement Learning, section 2.3.
 */
export class Bandit extends Environment<number> implements Drawable {
  readonly observationSpace = new Discrete(1);
  readonly actionSpace: Discrete;
  private readonly meanValue: number;

  constructor(options: BanditOptions = {}) {
    checkOptions<BanditOptions>("Bandit", options, { arms: "optional", meanValue: "optional", maxSteps: "optional" });
    const { arms = 10, meanValue = 0, maxSteps = 1000 } = options;
    check(Number.isInteger(arms) && arms > 0, () => `Bandit: got ${arms} arms, expected an integer from 1`);
    check(Number.isFinite(meanValue), () => `Bandit: got meanValue ${meanValue}, expected a finite number`);
    super("Bandit", arms, maxSteps);
    this.actionSpace = new Discrete(arms);
    this.meanValue = meanValue;
  }

  /** The arm of the greatest value. */
  get bestArm(): number {
    return this.state.reduce((best, value, arm) => (value > (this.state[best] as number) ? arm : best), 0);
  }

  protected begin(): void {
    for (let arm = 0; arm < this.state.length; arm++) this.state[arm] = this.meanValue + this.random.normal();
  }

  protected advance(arm: number): number {
    return (this.state[arm] as number) + this.random.normal();
  }

  observe(into: Float32Array, at = 0): void {
    into[at] = 0;
  }

  draw(): Picture {
    const middle = 4;
    const bars = Array.from(this.state, (value, arm) => {
      const height = Math.min(Math.max(value - this.meanValue, -middle), middle);
      return rectangle(arm + 0.15, middle - Math.max(height, 0), 0.7, Math.abs(height), arm === this.bestArm ? "#d55e00" : "#0072b2");
    });
    const line = {
      kind: "line",
      points: [
        [0, middle],
        [this.state.length, middle],
      ],
      colour: "#333333",
      width: 0.03,
    } as const;
    return { width: this.state.length, height: 2 * middle, shapes: [...bars, line] };
  }
}
