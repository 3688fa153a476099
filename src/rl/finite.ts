import { check } from "../graph/error.js";
import { Environment } from "./environment.js";
import { Discrete } from "./space.js";

/** What an action may lead to. */
export interface Transition {
  readonly probability: number;
  readonly next: number;
  readonly reward: number;
  /** Whether the episode ends there. */
  readonly terminated: boolean;
}

/** A Markov decision process of finitely many states and actions, all of it known. */
export interface MarkovModel {
  /** How many states there are. */
  readonly states: number;
  readonly actions: number;
  /** The states that an episode begins in, all equally probable. */
  readonly starts: readonly number[];
  /** What `action` may lead to in `state`; the probabilities add up to 1. */
  transitions(state: number, action: number): readonly Transition[];
}

/** What a {@link FiniteEnvironment} is made of. */
export interface FiniteDescription extends Pick<MarkovModel, "states" | "actions" | "starts"> {
  readonly maxSteps: number | undefined;
  /** Called once for each state and action. */
  readonly transitions: (state: number, action: number) => readonly Transition[];
}

/** An environment whose observations are its states, and whose transitions are known. */
export abstract class FiniteEnvironment extends Environment<number> implements MarkovModel {
  readonly observationSpace: Discrete;
  readonly actionSpace: Discrete;
  readonly states: number;
  readonly actions: number;
  readonly starts: readonly number[];
  private readonly table: readonly (readonly Transition[])[];

  constructor(name: string, { states, actions, starts, maxSteps, transitions }: FiniteDescription) {
    super(name, 1, maxSteps);
    this.observationSpace = new Discrete(states);
    this.actionSpace = new Discrete(actions);
    this.states = states;
    this.actions = actions;
    this.starts = starts;
    this.table = Array.from({ length: states * actions }, (_, i) => transitions(Math.floor(i / actions), i % actions));
    this.table.forEach((outcomes, i) => {
      const sum = outcomes.reduce((total, { probability }) => total + probability, 0);
      check(
        Math.abs(sum - 1) < 1e-6,
        () => `${name}: what action ${i % actions} leads to in state ${Math.floor(i / actions)} has the probability ${sum}, expected 1`,
      );
    });
  }

  /** The state that the environment is in. */
  get place(): number {
    return this.state[0] as number;
  }

  transitions(state: number, action: number): readonly Transition[] {
    const found = action >= 0 && action < this.actions ? this.table[state * this.actions + action] : undefined;
    check(found !== undefined, () => `${this.name}: there is no action ${action} in a state ${state}`);
    return found;
  }

  protected begin(): void {
    this.state[0] = this.starts[this.random.integer(this.starts.length)] as number;
  }

  protected advance(action: number): number {
    const outcomes = this.table[this.place * this.actions + action] as readonly Transition[];
    let last = 0;
    if (outcomes.length > 1) {
      let draw = this.random.uniform();
      // Rounding may leave a rest of probability, which the last outcome gets.
      while (last < outcomes.length - 1 && draw >= (outcomes[last] as Transition).probability) {
        draw -= (outcomes[last] as Transition).probability;
        last++;
      }
    }
    const { next, reward, terminated } = outcomes[last] as Transition;
    this.state[0] = next;
    if (terminated) this.terminate();
    return reward;
  }

  observe(into: Float32Array, at = 0): void {
    into[at] = this.place;
  }
}
