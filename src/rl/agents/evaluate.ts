import { checkOptions } from "../../graph/options.js";
import type { Environment } from "../environment.js";
import type { Action } from "../space.js";
import type { Policy } from "./agent.js";
import { checkCounts } from "./agent.js";

/** Settings of {@link evaluate}. */
export interface EvaluateOptions {
  /** By default 100. */
  readonly episodes?: number;
  /** Of the first episode, which the others follow: another one than in training, so that the episodes are others. */
  readonly seed: number;
}

/** The sums of rewards of whole episodes with a policy, one after another. */
export async function evaluate(policy: Policy, environment: Environment<Action>, options: EvaluateOptions): Promise<number[]> {
  checkOptions<EvaluateOptions>("evaluate", options, { episodes: "optional", seed: "required" });
  const { episodes = 100, seed } = options;
  checkCounts("evaluate", { episodes });
  const observation = new Float32Array(environment.observationSpace.size);
  const returns: number[] = [];
  for (let i = 0; i < episodes; i++) {
    environment.reset(i === 0 ? seed : undefined);
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
