import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { checkSeed } from "../random/state.js";
import type { Agent } from "./actionValueAgent.js";
import type { Environment } from "./environment.js";

/** How an episode went. */
export interface Episode {
  /** The sum of its rewards. */
  readonly return: number;
  readonly steps: number;
  readonly terminated: boolean;
}

/** Lets an agent learn in an environment for an episode. */
export function trainEpisode(agent: Agent, environment: Environment<number>): Episode {
  const observation = new Float32Array(environment.observationSpace.size);
  environment.reset();
  environment.observe(observation);
  let action = agent.begin(observation);
  let sum = 0;
  do {
    environment.step(action);
    environment.observe(observation);
    sum += environment.reward;
    action = agent.learn(environment.reward, observation, environment.terminated, environment.truncated);
  } while (!environment.ended);
  return { return: sum, steps: environment.steps, terminated: environment.terminated };
}

/** Plays an episode by a policy; `before` is called before each step, and at the end. */
export function playEpisode<A extends number | ArrayLike<number>>(
  environment: Environment<A>,
  policy: (observation: Float32Array) => A,
  options: { readonly seed?: number; readonly before?: () => void } = {},
): Episode {
  checkOptions("playEpisode", options, { seed: "optional", before: "optional" });
  const { seed, before } = options;
  const observation = new Float32Array(environment.observationSpace.size);
  environment.reset(seed);
  let sum = 0;
  do {
    before?.();
    environment.observe(observation);
    environment.step(policy(observation));
    sum += environment.reward;
  } while (!environment.ended);
  before?.();
  return { return: sum, steps: environment.steps, terminated: environment.terminated };
}

/** Plays episodes by a policy: those of the seeds `seed`, `seed + 1` and so on. */
export function evaluate<A extends number | ArrayLike<number>>(
  environment: Environment<A>,
  policy: (observation: Float32Array) => A,
  options: { readonly episodes?: number; readonly seed?: number } = {},
): Episode[] {
  checkOptions("evaluate", options, { episodes: "optional", seed: "optional" });
  const { episodes = 100, seed = 0 } = options;
  checkSeed("evaluate", seed);
  check(Number.isInteger(episodes) && episodes > 0, () => `evaluate: got ${episodes} episodes, expected an integer from 1`);
  return Array.from({ length: episodes }, (_, i) => playEpisode(environment, policy, { seed: (seed + i) % 2 ** 32 }));
}

/** The mean return of episodes. */
export const meanReturn = (episodes: readonly Episode[]): number =>
  episodes.reduce((sum, episode) => sum + episode.return, 0) / episodes.length;
