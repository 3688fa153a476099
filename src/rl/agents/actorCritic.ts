import { checkOptions } from "../../graph/options.js";
import type { Tensor } from "../../graph/tensor.js";
import { Variable } from "../../graph/variable.js";
import { orthogonal } from "../../nn/init.js";
import { Linear } from "../../nn/linear.js";
import { Module } from "../../nn/module.js";
import { zeros } from "../../ops/create.js";
import { tanh } from "../../ops/elementary.js";
import { reshape } from "../../ops/shapes.js";
import { Box, type Space } from "../space.js";
import { type PolicyOutput, policySize } from "./distributions.js";

/** Settings of an {@link ActorCritic}. */
export interface ActorCriticOptions {
  /** By default [64, 64]. */
  readonly hiddenSizes?: readonly number[];
}

/**
 * A policy and the values of states, by two networks of dense layers with tanh. Weights start orthogonal, those of the policy's output small
 * (Andrychowicz et al. 2021, What matters in on-policy reinforcement learning).
 */
export class ActorCritic extends Module {
  readonly actor: readonly Linear[];
  readonly critic: readonly Linear[];
  /** The logarithms of the standard deviations of continuous actions. */
  readonly logDeviations: Variable | undefined;

  constructor(observationSize: number, actionSpace: Space, options: ActorCriticOptions = {}) {
    super();
    checkOptions<ActorCriticOptions>("ActorCritic", options, { hiddenSizes: "optional" });
    const { hiddenSizes = [64, 64] } = options;
    const layers = (outputs: number, gain: number) => {
      const sizes = [observationSize, ...hiddenSizes, outputs];
      return sizes.slice(1).map((size, i) => {
        const weightInitialiser = orthogonal(i < hiddenSizes.length ? Math.SQRT2 : gain);
        return new Linear(sizes[i] as number, size, { weightInitialiser, biasInitialiser: zeros });
      });
    };
    this.actor = layers(policySize(actionSpace), 0.01);
    this.critic = layers(1, 1);
    this.logDeviations = actionSpace instanceof Box ? new Variable(zeros([actionSpace.size], "float32")) : undefined;
  }

  forward(observations: Tensor): PolicyOutput {
    const through = (layers: readonly Linear[]) =>
      layers.reduce((x, layer, i) => (i < layers.length - 1 ? tanh(layer.forward(x)) : layer.forward(x)), observations);
    return { policy: through(this.actor), value: reshape(through(this.critic), [-1]), logDeviations: this.logDeviations };
  }
}
