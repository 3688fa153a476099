import type { TypedArray } from "../graph/dtype.js";
import { check, KasaneError } from "../graph/error.js";
import { checkSeed } from "../random/state.js";
import type { Environment } from "./environment.js";
import { type Action, Discrete, type Space } from "./space.js";

/**
 * Several environments of one kind, stepped together. Where an episode ends, the next begins in the same step: `observations` then has its first
 * observation, and `finalObservations` the last one of the episode that ended. All arrays are the same ones at each step.
 */
export class VectorEnvironment {
  readonly count: number;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  /** `[count, observationSpace.size]` in rows. */
  readonly observations: Float32Array<ArrayBuffer>;
  /** As {@link observations}; a row holds where the last step ended an episode. */
  readonly finalObservations: Float32Array;
  /** `[count]`, of the last step. */
  readonly rewards: Float32Array;
  /** `[count]`, 1 where the last step ended an episode, in a state without a future or by the time limit. */
  readonly terminated: Uint8Array;
  readonly truncated: Uint8Array;
  /** `[count]`: the sum of rewards and the number of steps of the episode that ended last; both stay until the next ends. */
  readonly episodeReturns: Float64Array<ArrayBuffer>;
  readonly episodeLengths: Float64Array<ArrayBuffer>;
  /** `[count]`: the sums of rewards of the episodes under way. */
  private readonly returns: Float64Array<ArrayBuffer>;
  private readonly action: Float64Array;

  constructor(readonly environments: readonly Environment[]) {
    const [first] = environments;
    check(first !== undefined, () => "VectorEnvironment: got no environments, expected one or more");
    for (const { name, observationSpace, actionSpace } of environments) {
      check(
        `${observationSpace}` === `${first.observationSpace}` && `${actionSpace}` === `${first.actionSpace}`,
        () => `VectorEnvironment: ${name} has other observations or actions than ${first.name}`,
      );
    }
    check(
      new Set(environments).size === environments.length,
      () => "VectorEnvironment: an environment is there twice: make a new one for each place",
    );
    this.count = environments.length;
    this.observationSpace = first.observationSpace;
    this.actionSpace = first.actionSpace;
    this.observations = new Float32Array(this.count * this.observationSpace.size);
    this.finalObservations = new Float32Array(this.observations.length);
    this.rewards = new Float32Array(this.count);
    this.terminated = new Uint8Array(this.count);
    this.truncated = new Uint8Array(this.count);
    this.episodeReturns = new Float64Array(this.count);
    this.episodeLengths = new Float64Array(this.count);
    this.returns = new Float64Array(this.count);
    this.action = new Float64Array(this.actionSpace.size);
  }

  /** Begins an episode in each environment, with `seed`, `seed + 1` and so on where a seed is given. */
  reset(seed?: number): void {
    if (seed !== undefined) checkSeed("VectorEnvironment", seed);
    this.returns.fill(0);
    this.environments.forEach((environment, i) => {
      environment.reset(seed === undefined ? undefined : (seed + i) % 2 ** 32);
      environment.observe(this.observations, i * this.observationSpace.size);
    });
  }

  /** Makes a step in each environment. `actions` are `[count, actionSpace.size]` in rows. */
  step(actions: ArrayLike<number>): void {
    const { action, actionSpace, environments, observations, returns } = this;
    const { size } = this.observationSpace;
    if (actions.length !== this.count * actionSpace.size) {
      throw new KasaneError(`VectorEnvironment: got ${actions.length} numbers as actions, expected ${this.count} x ${actionSpace.size}`);
    }
    const isIndex = actionSpace instanceof Discrete;
    for (let i = 0; i < environments.length; i++) {
      const environment = environments[i] as Environment;
      for (let j = 0; j < action.length; j++) action[j] = actions[i * action.length + j] as number;
      environment.step((isIndex ? action[0] : action) as Action);
      this.rewards[i] = environment.reward;
      this.terminated[i] = environment.terminated ? 1 : 0;
      this.truncated[i] = environment.truncated ? 1 : 0;
      returns[i] = (returns[i] as number) + environment.reward;
      if (environment.ended) {
        this.episodeReturns[i] = returns[i] as number;
        this.episodeLengths[i] = environment.steps;
        returns[i] = 0;
        environment.observe(this.finalObservations, i * size);
        environment.reset();
      }
      environment.observe(observations, i * size);
    }
  }

  /** All that changes, for a checkpoint: it resumes to the bit. */
  namedArrays(): ReadonlyMap<string, TypedArray> {
    const { observations, returns, episodeReturns, episodeLengths } = this;
    const memories = Object.fromEntries(this.environments.map(({ memory }, i) => [i, memory]));
    return new Map<string, TypedArray>(Object.entries({ ...memories, observations, returns, episodeReturns, episodeLengths }));
  }
}
