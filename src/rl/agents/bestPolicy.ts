import type { Tensor } from "../../graph/tensor.js";
import { zeros } from "../../ops/create.js";
import { compile } from "../../runtime/compile.js";
import { type Action, Box } from "../space.js";
import type { VectorEnvironment } from "../vectorEnvironment.js";
import { callOf } from "./call.js";
import { distributionOver, outputOf, type PolicyNetwork } from "./distributions.js";
import type { Policy } from "./networkAgent.js";

/**
 * The policy that takes the most probable actions; numbers are held within their bounds.
 * @param look writes what the network gets in place of an observation
 */
export async function bestPolicy(
  network: PolicyNetwork,
  { observationSpace, actionSpace }: VectorEnvironment,
  look: (observation: Float32Array<ArrayBuffer>, into: Float32Array<ArrayBuffer>) => void = (observation, into) => into.set(observation),
): Promise<Policy> {
  const mode = ({ observations }: { readonly observations: Tensor }) => ({
    actions: distributionOver(actionSpace).mode(outputOf(network, actionSpace, observations)),
  });
  const best = await callOf(compile(mode, { threads: 1 }), { observations: zeros([1, observationSpace.size], "float32") });
  const observations = new Float32Array(observationSpace.size);
  const action = (actions: ArrayLike<number>): Action => {
    if (!(actionSpace instanceof Box)) return actions[0] as number;
    actionSpace.clip(actions as Float32Array);
    return actions;
  };
  return (observation) => {
    look(observation, observations);
    const result = best({ observations });
    return result instanceof Promise ? result.then(({ actions }) => action(actions)) : action(result.actions);
  };
}
