import { stopGradient } from "../../autodiff/custom.js";
import type { Tensor } from "../../graph/tensor.js";
import { abs, add, clip, div, mul, neg, square, sub } from "../../ops/arithmetic.js";
import { arange } from "../../ops/create.js";
import { takeAlongAxis } from "../../ops/indexing.js";
import { huber } from "../../ops/loss.js";
import { logSoftmax, softmax } from "../../ops/normalize.js";
import { argmax, mean, sum } from "../../ops/reduce.js";
import { expand, reshape, unsqueeze } from "../../ops/shapes.js";
import type { Network } from "./qNetwork.js";

/** The returns that a distribution of them is over: evenly spaced from the lowest to the highest. */
export interface Support {
  readonly lowest: number;
  readonly highest: number;
  /** How many, by default 51. */
  readonly atoms?: number;
}

/** How action values are learnt. */
export interface ValueRule {
  /** Whether the online network chooses the action that the target network values (van Hasselt, Guez and Silver 2016, Double Q-learning). */
  readonly double: boolean;
  readonly loss: "squared" | "huber";
  readonly support: Required<Support> | undefined;
}

/** A batch of transitions, as `ReplayBatch` has it. */
export type Transitions = Readonly<Record<"observations" | "actions" | "rewards" | "nextObservations" | "discounts" | "weights", Tensor>>;

/** The atoms' returns, `[atoms]`. */
const returnsOf = ({ lowest, highest, atoms }: Required<Support>): Tensor =>
  add(lowest, mul((highest - lowest) / (atoms - 1), arange(0, atoms, 1, "float32")));

/** The values `[batch, actions]` that a network's output stands for: themselves, or the means of distributions `[batch, actions, atoms]`. */
export const valuesOf = (output: Tensor, support: Required<Support> | undefined): Tensor =>
  support ? sum(mul(softmax(output), returnsOf(support)), { axis: 2 }) : output;

/** Of each row of `[batch, actions, ...rest]` the one action of `[batch]`: `[batch, ...rest]`. */
function ofAction(output: Tensor, actions: Tensor): Tensor {
  const [batch, , ...rest] = output.shape as [number, number, ...number[]];
  const indices = reshape(actions, [batch, 1, ...rest.map(() => 1)]);
  return reshape(takeAlongAxis(output, expand(indices, [batch, 1, ...rest]), { axis: 1 }), [batch, ...rest]);
}

/**
 * The loss of Q-learning on a batch, and the error of each transition: the target is `r + γ Q̄(s', argmax Q̄(s', a))` (Mnih et al. 2015), with the
 * online network's choice where `double`. With a support the target is a distribution (Bellemare, Dabney and Munos 2017, C51, algorithm 1).
 * @returns the loss, the errors `[batch]` and the mean value of the actions taken
 */
export function learnValues(online: Network, target: Network, batch: Transitions, { double, loss, support }: ValueRule) {
  const { observations, actions, rewards, nextObservations, discounts, weights } = batch;
  const next = target.forward(nextObservations);
  const choice = argmax(valuesOf(double ? online.forward(nextObservations) : next, support), { axis: 1 });
  const [chosen, following] = [ofAction(online.forward(observations), actions), ofAction(next, choice)];
  if (support) {
    const goal = stopGradient(project(softmax(following), rewards, discounts, support));
    const losses = neg(sum(mul(goal, logSoftmax(chosen)), { axis: 1 }));
    const value = mean(sum(mul(softmax(chosen), returnsOf(support)), { axis: 1 }));
    return { loss: mean(mul(weights, losses)), errors: losses, value };
  }
  const goal = stopGradient(add(rewards, mul(discounts, following)));
  const errors = sub(goal, chosen);
  const losses = loss === "huber" ? huber(chosen, goal, { reduction: "none" }) : square(errors);
  return { loss: mean(mul(weights, losses)), errors, value: mean(chosen) };
}

/**
 * The distribution of `r + γ z`, put onto the support again: what falls between two atoms is divided between them, the nearer having more
 * (Bellemare et al. 2017, equation 7).
 * @param probabilities `[batch, atoms]` of the returns z
 */
function project(probabilities: Tensor, rewards: Tensor, discounts: Tensor, support: Required<Support>): Tensor {
  const { lowest, highest, atoms } = support;
  const [row, column] = [unsqueeze(rewards, { axis: 1 }), unsqueeze(discounts, { axis: 1 })];
  const moved = clip(add(row, mul(column, returnsOf(support))), lowest, highest);
  const places = div(sub(moved, lowest), (highest - lowest) / (atoms - 1)); // [batch, atoms]
  const distances = abs(sub(unsqueeze(places, { axis: 1 }), reshape(arange(0, atoms, 1, "float32"), [1, atoms, 1])));
  return sum(mul(unsqueeze(probabilities, { axis: 1 }), clip(sub(1, distances), 0, 1)), { axis: 2 });
}
