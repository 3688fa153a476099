import type { TypedArray } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkChoice, checkOptions, type OptionNames } from "../graph/options.js";
import { RandomGenerator } from "../random/generator.js";
import { type Choices, type Exploration, epsilonGreedy } from "./exploration.js";
import { arraysOfFeatures, type Features, LinearValues } from "./features.js";
import { type UpdateOptions, type Updates, updatesOf } from "./updates.js";

/** Something that acts and learns from what comes of it. */
export interface Agent {
  /** Begins an episode: the first action. */
  begin(observation: ArrayLike<number>): number;
  /** Learns from a step: what the last action brought, and how the episode ended, if it did. Returns the next action, of no use after the end. */
  learn(reward: number, observation: ArrayLike<number>, terminated: boolean, truncated: boolean): number;
  /** The action that looks best. */
  greedy(observation: ArrayLike<number>): number;
}

/** The stream of random numbers that actions are chosen by. */
export const actionStream = 0xac7;

/** What the value of the next state is taken to be. */
const targets = ["sarsa", "expectedSarsa", "qLearning", "doubleQLearning"] as const;

/** Options of {@link ActionValueAgent}. */
export interface ActionValueOptions extends UpdateOptions {
  /** What is known of an observation: a table's or tiles. */
  readonly features: Features;
  /** How many actions there are. */
  readonly actions: number;
  /**
   * What the next state is taken to be worth: the value of the action taken there (`sarsa`), the mean value of its actions, as often as they are
   * taken (`expectedSarsa`), the greatest value (`qLearning`, Watkins 1989), or the value that one of two functions has for the action that the other
   * finds best (`doubleQLearning`, van Hasselt 2010).
   */
  readonly target: (typeof targets)[number];
  /** How actions are chosen, by default epsilon-greedy with 0.1. */
  readonly exploration?: Exploration;
  /** What all values are at first, by default 0. More than what is to be had makes even a greedy agent try everything. */
  readonly initialValue?: number;
  readonly seed?: number;
}

const optionNames: OptionNames<ActionValueOptions> = {
  features: "required",
  actions: "required",
  target: "required",
  learningRate: "required",
  discount: "optional",
  traceDecay: "optional",
  traces: "optional",
  steps: "optional",
  exploration: "optional",
  initialValue: "optional",
  seed: "optional",
};

/**
 * Learns the values of actions, in a table or as a linear function of tiles, and acts by them. One step, several or all to the end of the episode,
 * or eligibility traces: see the options. Sutton and Barto (2018), Reinforcement Learning, chapters 5 to 7, 10 and 12.
 */
export class ActionValueAgent implements Agent {
  /** The function that is learnt; with double Q-learning there are two, and actions are chosen by their mean. */
  readonly values: readonly LinearValues[];
  readonly actions: number;
  private readonly updates: readonly Updates[];
  private readonly target: ActionValueOptions["target"];
  private readonly exploration: Exploration;
  private readonly random: RandomGenerator;
  /** How many actions were chosen. */
  private readonly clock = new Float64Array(1);
  private current: Int32Array;
  private following: Int32Array;
  private action = 0;
  /** Whether the action is the best, by its value. */
  private isGreedy = true;
  private readonly choices: Choices & { step: number };
  private readonly scratch: Float64Array;
  /** Whether a trace ends at an action that is not the best: what follows says nothing of the best policy (Watkins 1989). */
  private readonly cutsTraces: boolean;

  constructor(options: ActionValueOptions) {
    checkOptions<ActionValueOptions>("ActionValueAgent", options, optionNames);
    const { features, actions, target, exploration = epsilonGreedy(0.1), initialValue = 0, seed = 0 } = options;
    const { traceDecay = 0, steps = 1 } = options;
    check(Number.isInteger(actions) && actions > 0, () => `ActionValueAgent: got ${actions} actions, expected an integer from 1`);
    checkChoice("ActionValueAgent", "target", target, targets);
    check(
      target !== "expectedSarsa" || exploration.probabilities !== undefined,
      () => "ActionValueAgent: expectedSarsa needs an exploration whose probabilities are known, such as epsilonGreedy",
    );
    check(
      steps === 1 || !exploration.needsCounts,
      () => `ActionValueAgent: the exploration goes by counts, which ${steps} steps leave behind: leave out steps`,
    );
    const isOneStep = traceDecay === 0 && steps === 1;
    check(
      isOneStep || target !== "doubleQLearning",
      () => "ActionValueAgent: doubleQLearning learns from one step: leave out traceDecay and steps",
    );
    this.actions = actions;
    this.target = target;
    this.exploration = exploration;
    this.values = Array.from({ length: target === "doubleQLearning" ? 2 : 1 }, () => new LinearValues(features, actions, initialValue));
    this.updates = this.values.map((values) => updatesOf(values, options));
    this.cutsTraces = target === "qLearning" && traceDecay > 0;
    this.random = new RandomGenerator(undefined, seed, actionStream);
    this.current = new Int32Array(features.active);
    this.following = new Int32Array(features.active);
    this.choices = { values: new Float64Array(actions), counts: new Float64Array(actions), step: 0 };
    this.scratch = new Float64Array(actions);
  }

  begin(observation: ArrayLike<number>): number {
    for (const updates of this.updates) updates.cut();
    this.features.find(observation, this.current);
    return this.choose(this.current);
  }

  learn(reward: number, observation: ArrayLike<number>, terminated: boolean, truncated: boolean): number {
    const { current, following, action, target } = this;
    const ended = terminated || truncated;
    this.features.find(observation, following);
    // SARSA learns from the action that it goes on with. The others choose it by what they have learnt.
    if (target === "sarsa" && !terminated) this.choose(following);
    const learner = this.values.length === 2 ? this.random.integer(2) : 0;
    const next = terminated ? 0 : this.worth(following, learner);
    this.updates[learner]?.step(current, action, reward, next, ended);
    if (target !== "sarsa" && !ended) {
      this.choose(following);
      if (this.cutsTraces && !this.isGreedy) this.updates[0]?.cut();
    }
    this.current = following;
    this.following = current;
    return this.action;
  }

  greedy(observation: ArrayLike<number>): number {
    this.features.find(observation, this.following);
    this.estimate(this.following);
    const { values } = this.choices;
    return values.reduce((best, value, action) => (value > (values[best] as number) ? action : best), 0);
  }

  /** The values of all actions, `[actions]`. The array is the same one at each call. */
  valuesOf(observation: ArrayLike<number>): Float64Array {
    this.features.find(observation, this.following);
    this.estimate(this.following);
    return this.choices.values;
  }

  /** All that an agent has learnt, for checkpoints between episodes. */
  namedArrays(): ReadonlyMap<string, TypedArray> {
    const parts = this.values.flatMap((values, i) => [...values.namedArrays()].map(([name, array]) => [`${name}${i}`, array] as const));
    return new Map<string, TypedArray>([
      ...parts,
      ...arraysOfFeatures(this.features),
      ["random", this.random.state],
      ["clock", this.clock],
    ]);
  }

  private get features(): Features {
    return (this.values[0] as LinearValues).features;
  }

  private choose(active: Int32Array): number {
    const { choices, clock } = this;
    this.estimate(active);
    const place = (active[0] as number) * this.actions;
    for (let i = 0; i < this.actions; i++) {
      choices.counts[i] = this.values.reduce((sum, { counts }) => sum + (counts[place + i] as number), 0);
    }
    choices.step = clock[0] as number;
    clock[0] = choices.step + 1;
    this.action = this.exploration.choose(choices, this.random);
    if (this.cutsTraces) this.isGreedy = choices.values.every((value) => value <= (choices.values[this.action] as number));
    return this.action;
  }

  /** Writes the values of all actions into the choices: the mean of all functions. */
  private estimate(active: Int32Array): void {
    const { values } = this.choices;
    (this.values[0] as LinearValues).all(active, values);
    const second = this.values[1];
    if (second) for (let i = 0; i < values.length; i++) values[i] = ((values[i] as number) + second.at(active, i)) / 2;
  }

  /** What a state is worth for the update of a function. */
  private worth(active: Int32Array, learner: number): number {
    const { target, scratch, choices } = this;
    const own = this.values[learner] as LinearValues;
    if (target === "sarsa") return own.at(active, this.action);
    own.all(active, scratch);
    if (target === "qLearning") return scratch.reduce((a, b) => Math.max(a, b));
    if (target === "doubleQLearning") {
      const best = scratch.reduce((best, value, action) => (value > (scratch[best] as number) ? action : best), 0);
      return (this.values[1 - learner] as LinearValues).at(active, best);
    }
    choices.values.set(scratch);
    choices.step = this.clock[0] as number;
    this.exploration.probabilities?.(choices, scratch);
    return scratch.reduce((sum, probability, action) => sum + probability * (choices.values[action] as number), 0);
  }
}
