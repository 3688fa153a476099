import { checkOptions, type OptionNames } from "../../graph/options.js";
import { add, mul, neg, square, sub } from "../../ops/arithmetic.js";
import { mean } from "../../ops/reduce.js";
import { RmsProp } from "../../optim/rmsProp.js";
import type { VectorEnvironment } from "../vectorEnvironment.js";
import type { PolicyOutput } from "./distributions.js";
import { type Minibatch, OnPolicyAgent, type OnPolicyOptions, onPolicyOptions, standardised } from "./onPolicy.js";

/** Settings of an {@link A2c}; by default steps 5, decay 1, learningRate 7e-4, entropyWeight 0. */
export interface A2cOptions extends OnPolicyOptions {
  /** Whether the advantages of an update are standardised, by default false. */
  readonly standardise?: boolean;
}

const a2cOptions: OptionNames<A2cOptions> = { ...onPolicyOptions, standardise: "optional" };

/**
 * Advantage actor-critic, the synchronous form of A3C (Mnih et al. 2016, Asynchronous methods for deep reinforcement learning): after a few steps of
 * all environments one update, of the policy by the advantages and of the values by the returns.
 */
export class A2c extends OnPolicyAgent {
  constructor(
    environments: VectorEnvironment,
    private readonly options: A2cOptions = {},
  ) {
    checkOptions("A2c", options, a2cOptions);
    const { steps = 5, decay = 1, learningRate = 7e-4 } = options;
    super(environments, options, {
      ...{ steps, decay, learningRate, epochs: 1, minibatches: 1 },
      optimizer: (network, more) => new RmsProp(network, { ...more, decay: 0.99, epsilon: 1e-5 }),
    });
  }

  protected learn(output: PolicyOutput, { actions, advantages, returns }: Minibatch) {
    const { entropyWeight = 0, valueWeight = 0.5, standardise = false } = this.options;
    const worth = standardise ? standardised(advantages) : advantages;
    const policyLoss = neg(mean(mul(worth, this.distribution.logProbability(output, actions))));
    const valueLoss = mean(square(sub(output.value, returns)));
    const entropy = mean(this.distribution.entropy(output));
    return { loss: add(sub(policyLoss, mul(entropyWeight, entropy)), mul(valueWeight, valueLoss)), policyLoss, valueLoss, entropy };
  }
}
