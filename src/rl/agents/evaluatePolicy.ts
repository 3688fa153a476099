import { checkOptions } from "../../graph/options.js";
import { checkSeed } from "../../random/state.js";
import type { Environment } from "../environment.js";
import type { Action } from "../space.js";
import type { Policy } from "./networkAgent.js";
import { checkCounts } from "./networkAgent.js";

/** Settings of {@link evaluatePolicy}. */
export interface EvaluateOptions {
  /** By default 100. */
  readonly episodes?: number;
  /** Of the first episode; the next ones have `seed + 1` and so on. Others than in training, so that the episodes are others too. */
  readonly seed: number;
}

/** The sums of rewards of whole episodes with the policy of a network, one after another. */
export async function evaluatePolicy(policy: Policy, environment: Environment<Action>, options: EvaluateOptions): Promise<number[]> {
  checkOptions<EvaluateOptions>("evaluatePolicy", options, { episodes: "optional", seed: "required" });
  const { episodes = 100, seed } = options;
  checkCounts("evaluatePolicy", { episodes });
  checkSeed("evaluatePolicy", seed);
  const observation = new Float32Array(environment.observationSpace.size);
  const returns: number[] = [];
  for (let i = 0; i < episodes; i++) {
    environment.reset((seed + i) % 2 ** 32);
    let total = 0;
    while (!environment.ended) {
      environment.observe(observation);
      const action = policy(observation);
      environment.step(action instanceof Promise ? await action : action);
      total += environment.reward;
    }
    returns.push(total);
  }
  return returns;
}
