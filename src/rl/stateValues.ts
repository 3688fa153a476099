import type { TypedArray } from "../graph/dtype.js";
import { checkOptions } from "../graph/options.js";
import { arraysOfFeatures, type Features, LinearValues } from "./features.js";
import { type UpdateOptions, type Updates, updatesOf } from "./updates.js";

/** Options of {@link StateValues}. */
export interface StateValueOptions extends UpdateOptions {
  readonly features: Features;
  /** What all values are at first, by default 0. */
  readonly initialValue?: number;
}

/**
 * Learns what states are worth to whoever acts: TD(0), TD(lambda), n steps or the Monte Carlo method, by the options. Sutton and Barto (2018),
 * Reinforcement Learning, chapters 5 to 7 and 12.
 */
export class StateValues {
  readonly values: LinearValues;
  private readonly updates: Updates;
  private current: Int32Array;
  private following: Int32Array;

  constructor(options: StateValueOptions) {
    checkOptions<StateValueOptions>("StateValues", options, {
      features: "required",
      learningRate: "required",
      discount: "optional",
      traceDecay: "optional",
      traces: "optional",
      steps: "optional",
      initialValue: "optional",
    });
    this.values = new LinearValues(options.features, 1, options.initialValue);
    this.updates = updatesOf(this.values, options);
    this.current = new Int32Array(options.features.active);
    this.following = new Int32Array(options.features.active);
  }

  /** Begins an episode. */
  begin(observation: ArrayLike<number>): void {
    this.updates.cut();
    this.values.features.find(observation, this.current);
  }

  /** Learns from a step. */
  learn(reward: number, observation: ArrayLike<number>, terminated: boolean, truncated: boolean): void {
    const { values, current, following } = this;
    values.features.find(observation, following);
    this.updates.step(current, 0, reward, terminated ? 0 : values.at(following, 0), terminated || truncated);
    this.current = following;
    this.following = current;
  }

  /** All that is learnt, for checkpoints between episodes. */
  namedArrays(): ReadonlyMap<string, TypedArray> {
    const { values } = this;
    return new Map<string, TypedArray>([...values.namedArrays(), ...arraysOfFeatures(values.features)]);
  }

  /** What a state is worth. */
  valueOf(observation: ArrayLike<number>): number {
    this.values.features.find(observation, this.following);
    return this.values.at(this.following, 0);
  }
}
