import { check, KasaneError } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { RandomGenerator } from "../random/generator.js";
import type { Action, Space } from "./space.js";

/** Options that every environment has. */
export interface EnvironmentOptions {
  /** After how many steps an episode is truncated; infinity where it may go on for ever. */
  readonly maxSteps?: number;
}

/** Where the parts of an environment's memory begin. Its own state is last. */
const [stepsAt, rewardAt, terminatedAt, truncatedAt, generatorAt, stateAt] = [0, 1, 2, 3, 4, 8];

/** An episode without a time limit that takes more steps is an error: it probably never ends. */
const mostSteps = 1_000_000;

/**
 * Something that an agent acts in, in episodes of steps, as Gymnasium has it (Towers et al. 2024). A step allocates nothing: its reward and how
 * it ended are fields, and observations are written into the caller's array.
 */
export abstract class Environment<A extends Action = Action> {
  abstract readonly observationSpace: Space;
  abstract readonly actionSpace: Space;
  /** As errors name it. */
  readonly name: string;
  /** After how many steps an episode is truncated. Undefined where there is no limit and an episode ends by itself. */
  readonly maxSteps: number | undefined;
  /**
   * All that changes, random numbers included, in one array. A copy of it is a snapshot; set into it again, it takes the environment back to the
   * bit.
   */
  readonly memory: Float64Array<ArrayBuffer>;
  /** What the environment itself keeps of an episode: a part of {@link memory}. */
  readonly state: Float64Array;
  protected readonly random: RandomGenerator;

  /** @param stateSize how many numbers the state is */
  constructor(name: string, stateSize: number, maxSteps?: number) {
    check(
      maxSteps === undefined || maxSteps === Number.POSITIVE_INFINITY || (Number.isInteger(maxSteps) && maxSteps > 0),
      () => `${name}: got maxSteps ${maxSteps}, expected an integer from 1, or Infinity`,
    );
    this.name = name;
    this.maxSteps = maxSteps;
    this.memory = new Float64Array(stateAt + stateSize);
    this.state = this.memory.subarray(stateAt);
    this.random = new RandomGenerator(this.memory.subarray(generatorAt, stateAt));
    this.memory[stepsAt] = -1;
  }

  /** How many steps the episode has had; -1 before the first episode. */
  get steps(): number {
    return this.memory[stepsAt] as number;
  }

  /** The reward of the last step. */
  get reward(): number {
    return this.memory[rewardAt] as number;
  }

  /** Whether the episode has ended in a state that has no future. */
  get terminated(): boolean {
    return this.memory[terminatedAt] !== 0;
  }

  /** Whether the episode was cut off by the time limit. The state it was in has a future, which a method can go on to estimate. */
  get truncated(): boolean {
    return this.memory[truncatedAt] !== 0;
  }

  /** Whether the episode has ended in either way. */
  get ended(): boolean {
    return this.terminated || this.truncated;
  }

  /**
   * Begins an episode.
   * @param seed where the random numbers start anew, an integer from 0 to 2^32 - 1. Without it they go on; those of a new environment start from 0
   */
  reset(seed?: number): void {
    if (seed !== undefined) this.random.seed(seed);
    this.memory.fill(0, 0, generatorAt);
    this.begin();
  }

  /**
   * Makes a step.
   * @throws KasaneError where the episode has ended or none has begun, there is no such action, the reward is not finite, or an episode without a
   *   time limit does not end
   */
  step(action: A): void {
    const { memory, maxSteps } = this;
    const before = this.steps;
    if (before < 0 || this.ended || !this.actionSpace.contains(action)) throw this.refusal(action);
    const steps = before + 1;
    const reward = this.advance(action);
    memory[stepsAt] = steps;
    memory[rewardAt] = reward;
    if (maxSteps !== undefined) memory[truncatedAt] = steps >= maxSteps ? 1 : 0;
    if (!Number.isFinite(reward) || (maxSteps === undefined && steps >= mostSteps && !this.terminated)) throw this.complaint();
  }

  /** All that changes, for a checkpoint: it resumes to the bit. */
  namedArrays(): ReadonlyMap<string, Float64Array<ArrayBuffer>> {
    return new Map([["memory", this.memory]]);
  }

  /** Writes the observation, `observationSpace.size` numbers, into `into` from `at` on. */
  abstract observe(into: Float32Array, at?: number): void;

  /** Sets the state to the beginning of an episode. */
  protected abstract begin(): void;

  /** Changes the state by an action that is known to be in the action space; calls {@link terminate} where that ends the episode. Returns the reward. */
  protected abstract advance(action: A): number;

  // What is wrong with a step is found out apart: `check` would make a function a step.

  /** Why no step can be made. */
  private refusal(action: A): KasaneError {
    const { name, steps } = this;
    if (steps < 0) return new KasaneError(`${name}: a step before the first episode: call reset first`);
    if (this.ended) return new KasaneError(`${name}: a step after the episode ended, at step ${steps}: call reset first`);
    return new KasaneError(`${name}: got the action ${shown(action)}, expected ${this.actionSpace}`);
  }

  /** What is wrong with a step that was made. */
  private complaint(): KasaneError {
    const { name, reward, steps } = this;
    if (!Number.isFinite(reward)) return new KasaneError(`${name}: the reward of step ${steps} is ${reward}, expected a finite number`);
    const remedy = "limit it by the option maxSteps, or allow it by maxSteps: Infinity";
    return new KasaneError(`${name}: an episode has not ended in ${mostSteps} steps: ${remedy}`);
  }

  /** Says that the step being made ends the episode. */
  protected terminate(): void {
    this.memory[terminatedAt] = 1;
  }
}

const shown = (action: Action): string => (typeof action === "number" ? `${action}` : `[${Array.from(action).join(", ")}]`);

/** The time limit that options ask for; checks that they ask for nothing else. */
export function maxStepsOf(name: string, options: EnvironmentOptions, otherwise?: number): number | undefined {
  checkOptions<EnvironmentOptions>(name, options, { maxSteps: "optional" });
  return options.maxSteps ?? otherwise;
}
