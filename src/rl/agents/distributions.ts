import { check, KasaneError } from "../../graph/error.js";
import { type Shape, sameShape, showShape } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import type { Module } from "../../nn/module.js";
import { add, div, mul, neg, square, sub } from "../../ops/arithmetic.js";
import { exp } from "../../ops/elementary.js";
import { takeAlongAxis } from "../../ops/indexing.js";
import { logSoftmax } from "../../ops/normalize.js";
import { random } from "../../ops/random.js";
import { argmax, sum } from "../../ops/reduce.js";
import { expand, reshape } from "../../ops/shapes.js";
import { Box, Discrete, type Space } from "../space.js";

/** What a network of a policy and its state values gives. */
export interface PolicyOutput {
  /** The logits `[batch, actions]` of indices, or the means `[batch, size]` of the numbers of continuous actions. */
  readonly policy: Tensor;
  /** The logarithms of the standard deviations of continuous actions, `[size]`. */
  readonly logDeviations?: Tensor | undefined;
  /** `[batch]` */
  readonly value: Tensor;
}

/** A module that takes observations `[batch, observationSize]`. */
export type PolicyNetwork = Module & { forward(observations: Tensor): PolicyOutput };

/** What a network gives for observations `[batch, observationSize]`, of the shapes that a {@link PolicyOutput} has. */
export function outputOf(network: PolicyNetwork, space: Space, observations: Tensor): PolicyOutput {
  const output = network.forward(observations);
  const { policy, logDeviations, value } = output;
  const [batch] = observations.shape as [number];
  const expected: [string, Tensor, Shape][] = [
    ["policy", policy, [batch, policySize(space)]],
    ["value", value, [batch]],
    ...(logDeviations ? ([["logDeviations", logDeviations, [policySize(space)]]] as [string, Tensor, Shape][]) : []),
  ];
  for (const [name, { shape }, wanted] of expected) {
    check(sameShape(shape, wanted), () => `policy: the network gave ${name} ${showShape(shape)}, expected ${showShape(wanted)}`);
  }
  return output;
}

/** A distribution of actions, of which a network gives the parameters. */
export interface ActionDistribution {
  /** Actions drawn, `[batch]` int32 or `[batch, size]`. */
  sample(output: PolicyOutput): Tensor;
  /** The most probable actions. */
  mode(output: PolicyOutput): Tensor;
  /** `[batch]`: the logarithm of the probability, or of the density, of each action. */
  logProbability(output: PolicyOutput, actions: Tensor): Tensor;
  /** `[batch]` */
  entropy(output: PolicyOutput): Tensor;
}

/** Of indices, by their logits. */
const categorical: ActionDistribution = {
  sample: ({ policy }) => random.categorical(policy),
  mode: ({ policy }) => argmax(policy, { axis: 1 }),
  logProbability: ({ policy }, actions) => {
    const [batch] = policy.shape as [number];
    return reshape(takeAlongAxis(logSoftmax(policy), reshape(actions, [batch, 1]), { axis: 1 }), [batch]);
  },
  entropy: ({ policy }) => {
    const logs = logSoftmax(policy);
    return neg(sum(mul(exp(logs), logs), { axis: 1 }));
  },
};

/** Normal, the numbers independent of each other. */
const normal: ActionDistribution = {
  sample: (output) => add(output.policy, mul(exp(deviationsOf(output)), random.normal(output.policy.shape))),
  mode: ({ policy }) => policy,
  // -((a - μ) / σ)² / 2 - log σ - log √(2π), summed over the numbers
  logProbability: (output, actions) => {
    const logs = deviationsOf(output);
    const distances = div(sub(actions, output.policy), exp(logs));
    return sum(sub(mul(-0.5, square(distances)), add(logs, 0.5 * Math.log(2 * Math.PI))), { axis: 1 });
  },
  // log σ + log √(2πe), summed over the numbers
  entropy: (output) => expand(sum(add(deviationsOf(output), 0.5 * Math.log(2 * Math.PI * Math.E))), output.value.shape),
};

function deviationsOf({ logDeviations }: PolicyOutput): Tensor {
  if (logDeviations) return logDeviations;
  throw new KasaneError("policy: the network gave no logDeviations, which continuous actions need: return them beside policy and value");
}

/** The distribution of the actions of a space. */
export function distributionOver(space: Space): ActionDistribution {
  if (space instanceof Discrete) return categorical;
  if (space instanceof Box) return normal;
  throw new KasaneError(`policy: got actions that are ${space}, expected a Discrete or a Box`);
}

/** How many numbers the policy part of a network's output has for each observation. */
export const policySize = (space: Space): number => (space instanceof Discrete ? space.count : space.size);
