import type { TypedArray } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkOptions } from "../graph/options.js";
import { RandomGenerator } from "../random/generator.js";
import { type Agent, actionStream } from "./actionValueAgent.js";
import { drawIndex, softmaxOf } from "./exploration.js";

/** Options of {@link GradientBandit}. */
export interface GradientBanditOptions {
  readonly actions: number;
  /** The step size of the preferences. */
  readonly learningRate: number;
  /** Whether a reward is compared with the mean of those before. By default so. */
  readonly baseline?: boolean;
  readonly seed?: number;
}

/**
 * Learns preferences of a bandit's arms, whose softmax are the probabilities that it acts by: stochastic gradient ascent of the mean reward. Sutton
 * and Barto (2018), Reinforcement Learning, section 2.8.
 */
export class GradientBandit implements Agent {
  private readonly preferences: Float64Array<ArrayBuffer>;
  private readonly probabilities: Float64Array;
  private readonly random: RandomGenerator;
  private readonly learningRate: number;
  private readonly baseline: boolean;
  /** The mean reward, and how many it is of. */
  private readonly rewards = new Float64Array(2);
  private action = 0;

  constructor(options: GradientBanditOptions) {
    checkOptions<GradientBanditOptions>("GradientBandit", options, {
      actions: "required",
      learningRate: "required",
      baseline: "optional",
      seed: "optional",
    });
    const { actions, learningRate, baseline = true, seed = 0 } = options;
    checkNumbers("GradientBandit", { learningRate });
    check(Number.isInteger(actions) && actions > 0, () => `GradientBandit: got ${actions} actions, expected an integer from 1`);
    this.preferences = new Float64Array(actions);
    this.probabilities = new Float64Array(actions);
    this.random = new RandomGenerator(undefined, seed, actionStream);
    this.learningRate = learningRate;
    this.baseline = baseline;
  }

  begin(): number {
    softmaxOf(this.preferences, 1, this.probabilities);
    this.action = drawIndex(this.probabilities, this.random);
    return this.action;
  }

  learn(reward: number): number {
    const { preferences, probabilities, learningRate, action } = this;
    // The first reward is compared with itself.
    const [mean, count] = this.rewards as unknown as [number, number];
    const advantage = reward - (this.baseline ? (count === 0 ? reward : mean) : 0);
    this.rewards.set([mean + (reward - mean) / (count + 1), count + 1]);
    // The gradient of ln p(action) by preference i is [i = action] - p(i).
    for (let i = 0; i < preferences.length; i++) {
      const slope = (i === action ? 1 : 0) - (probabilities[i] as number);
      preferences[i] = (preferences[i] as number) + learningRate * advantage * slope;
    }
    return this.begin();
  }

  /** All that it has learnt, for checkpoints between episodes. */
  namedArrays(): ReadonlyMap<string, TypedArray> {
    const { preferences, rewards } = this;
    return new Map<string, TypedArray>(Object.entries({ preferences, rewards, random: this.random.state }));
  }

  greedy(): number {
    const { preferences } = this;
    return preferences.reduce((best, value, action) => (value > (preferences[best] as number) ? action : best), 0);
  }
}
