import { checkNumbers } from "../../graph/numbers.js";
import { checkOptions, type OptionNames } from "../../graph/options.js";
import { add, clip, maximum, mul, neg, square, sub } from "../../ops/arithmetic.js";
import { exp } from "../../ops/elementary.js";
import { mean } from "../../ops/reduce.js";
import { Adam } from "../../optim/adam.js";
import type { VectorEnvironment } from "../vectorEnvironment.js";
import type { PolicyOutput } from "./distributions.js";
import { type Minibatch, OnPolicyAgent, type OnPolicyOptions, onPolicyOptions, standardised } from "./onPolicy.js";

/** Settings of a {@link Ppo}; by default those that CleanRL has for classic control: steps 128, decay 0.95, learningRate 2.5e-4, entropyWeight 0.01. */
export interface PpoOptions extends OnPolicyOptions {
  /** How often each rollout is learnt from, by default 4. */
  readonly epochs?: number;
  /** In how many parts, with an update for each, by default 4. */
  readonly minibatches?: number;
  /** ε, how far the ratio of probabilities counts beyond 1, by default 0.2. */
  readonly clipRatio?: number;
  /** Whether the change of values is held within ε too, by default true. */
  readonly clipValues?: boolean;
}

const ppoOptions: OptionNames<PpoOptions> = {
  ...onPolicyOptions,
  epochs: "optional",
  minibatches: "optional",
  clipRatio: "optional",
  clipValues: "optional",
};

/**
 * Proximal policy optimisation (Schulman et al. 2017, equation 9): several epochs of updates on each rollout, in which the ratio of the new
 * probabilities to the old ones counts up to a limit alone. Actions are indices, or normal numbers held within their bounds.
 */
export class Ppo extends OnPolicyAgent {
  constructor(
    environments: VectorEnvironment,
    private readonly options: PpoOptions = {},
  ) {
    checkOptions("Ppo", options, ppoOptions);
    checkNumbers("Ppo", { clipRatio: options.clipRatio });
    const { steps = 128, decay = 0.95, learningRate = 2.5e-4, epochs = 4, minibatches = 4 } = options;
    super(environments, options, {
      ...{ steps, decay, learningRate, epochs, minibatches },
      optimizer: (network, more) => new Adam(network, { ...more, epsilon: 1e-5 }),
    });
  }

  protected learn(output: PolicyOutput, { actions, logProbabilities, values, advantages, returns }: Minibatch) {
    const { entropyWeight = 0.01, valueWeight = 0.5, clipRatio: limit = 0.2, clipValues = true } = this.options;
    const difference = sub(this.distribution.logProbability(output, actions), logProbabilities);
    const ratio = exp(difference);
    const worth = neg(standardised(advantages));
    const policyLoss = mean(maximum(mul(worth, ratio), mul(worth, clip(ratio, 1 - limit, 1 + limit))));
    const errors = square(sub(output.value, returns));
    const near = add(values, clip(sub(output.value, values), -limit, limit));
    const valueLoss = mul(0.5, mean(clipValues ? maximum(errors, square(sub(near, returns))) : errors));
    const entropy = mean(this.distribution.entropy(output));
    const loss = add(sub(policyLoss, mul(entropyWeight, entropy)), mul(valueWeight, valueLoss));
    // KL divergence from the old policy, by samples: (r - 1) - log r.
    return { loss, policyLoss, valueLoss, entropy, divergence: mean(sub(sub(ratio, 1), difference)) };
  }
}
