import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { MarkovModel } from "./finite.js";

/** Options of {@link valueIteration} and {@link policyIteration}. */
export interface SolveOptions {
  /** By default 1. */
  readonly discount?: number;
  /** The greatest change of a value in a sweep over all states that counts as none, by default 1e-10. */
  readonly tolerance?: number;
}

/** The best that can be done. */
export interface Solution {
  /** `[states]` */
  readonly values: Float64Array;
  /** `[states, actions]` in rows */
  readonly actionValues: Float64Array;
  /** `[states]`: the best action, the first of several */
  readonly policy: Int32Array;
  /** How many sweeps over all states it took, or how many policies. */
  readonly iterations: number;
}

/** Sweeps that do not come to rest within so many are an error. */
const mostSweeps = 1_000_000;

/**
 * The best values and policy, by setting each value to that of the best action until nothing changes (Bellman 1957; Sutton and Barto 2018, section
 * 4.4).
 * @throws KasaneError where values grow without end
 */
export function valueIteration(model: MarkovModel, options: SolveOptions = {}): Solution {
  const { discount, tolerance } = checkSolve("valueIteration", options);
  const values = new Float64Array(model.states);
  const sweeps = settle("valueIteration", model, values, tolerance, (state) => best(model, values, state, discount));
  return { ...improve(model, values, discount), values, iterations: sweeps };
}

/**
 * The best values and policy, by evaluating a policy and taking the best action by its values, until it stays (Howard 1960; Sutton and Barto 2018,
 * section 4.3). With a discount of 1 the first policy, action 0 everywhere, may have no finite value: then take value iteration.
 */
export function policyIteration(model: MarkovModel, options: SolveOptions = {}): Solution {
  const { discount, tolerance } = checkSolve("policyIteration", options);
  let policy = new Int32Array(model.states);
  for (let iterations = 1; iterations <= mostSweeps; iterations++) {
    const values = policyValues(model, policy, { discount, tolerance });
    const improved = improve(model, values, discount);
    // An action gives way to one that is better by more than the error of the values: equal ones would take turns.
    const next = policy.map((action, state) => {
      const row = state * model.actions;
      const best = improved.policy[state] as number;
      const gain = (improved.actionValues[row + best] as number) - (improved.actionValues[row + action] as number);
      return gain > 1e3 * tolerance ? best : action;
    });
    if (next.every((action, state) => action === policy[state])) return { ...improved, policy, values, iterations };
    policy = next;
  }
  return check(false, () => `policyIteration: the policy has not settled in ${mostSweeps} rounds`) as never;
}

/**
 * What each state is worth to a policy, `[states]`.
 * @param policy the action in each state, `[states]`, or the probability of each, `[states, actions]` in rows
 */
export function policyValues(model: MarkovModel, policy: ArrayLike<number>, options: SolveOptions = {}): Float64Array {
  const { discount, tolerance } = checkSolve("policyValues", options);
  checkPolicy("policyValues", model, policy);
  const values = new Float64Array(model.states);
  settle("policyValues", model, values, tolerance, (state) => follow(model, policy, values, state, discount));
  return values;
}

/**
 * What each state is worth in so many steps, without what comes after them: what a time limit leaves.
 * @param policy whose values, as for {@link policyValues}. By default the best action is taken, which may differ by the number of steps left
 */
export function valuesInSteps(model: MarkovModel, steps: number, policy?: ArrayLike<number>): Float64Array {
  check(Number.isSafeInteger(steps) && steps >= 0, () => `valuesInSteps: got ${steps} steps, expected an integer from 0`);
  if (policy) checkPolicy("valuesInSteps", model, policy);
  let values = new Float64Array(model.states);
  for (let i = 0; i < steps; i++) {
    const later = values;
    values = later.map((_, state) => (policy ? follow(model, policy, later, state, 1) : best(model, later, state, 1)));
  }
  return values;
}

/** The mean value of the states that an episode begins in. */
export const startValue = ({ starts }: MarkovModel, values: Float64Array): number =>
  starts.reduce((sum, state) => sum + (values[state] as number), 0) / starts.length;

/** What an action is worth: what it brings, and the values of where it leads. */
function outcome(model: MarkovModel, values: Float64Array, state: number, action: number, discount: number): number {
  let sum = 0;
  for (const { probability, next, reward, terminated } of model.transitions(state, action)) {
    sum += probability * (reward + (terminated ? 0 : discount * (values[next] as number)));
  }
  return sum;
}

/** What the best action is worth. */
function best(model: MarkovModel, values: Float64Array, state: number, discount: number): number {
  let greatest = Number.NEGATIVE_INFINITY;
  for (let action = 0; action < model.actions; action++) greatest = Math.max(greatest, outcome(model, values, state, action, discount));
  return greatest;
}

/** What a policy is worth, where the values after a step are known. */
function follow(model: MarkovModel, policy: ArrayLike<number>, values: Float64Array, state: number, discount: number): number {
  if (policy.length === model.states) return outcome(model, values, state, policy[state] as number, discount);
  let sum = 0;
  for (let action = 0; action < model.actions; action++) {
    const probability = policy[state * model.actions + action] as number;
    if (probability > 0) sum += probability * outcome(model, values, state, action, discount);
  }
  return sum;
}

/** Throws unless a policy has an action for each state, or probabilities of all actions. With one action these are as many: it is taken for an action. */
function checkPolicy(of: string, { states, actions }: MarkovModel, policy: ArrayLike<number>): void {
  const isActions = policy.length === states;
  check(
    isActions || policy.length === states * actions,
    () =>
      `${of}: the policy has ${policy.length} numbers, expected an action for each of ${states} states, or the probabilities of ${actions}`,
  );
  for (let state = 0; state < states; state++) {
    if (isActions) {
      const action = policy[state] as number;
      const isThere = Number.isInteger(action) && action >= 0 && action < actions;
      check(isThere, () => `${of}: the policy takes action ${action} in state ${state}, expected one of 0 to ${actions - 1}`);
    } else {
      const row = Array.from({ length: actions }, (_, action) => policy[state * actions + action] as number);
      const sum = row.reduce((total, probability) => total + probability, 0);
      check(
        row.every((probability) => probability >= 0) && Math.abs(sum - 1) < 1e-4,
        () => `${of}: the policy's probabilities of state ${state} are ${row.join(", ")}, expected numbers from 0 that add up to 1`,
      );
    }
  }
}

/** Sets each value anew, over and over, until none changes by more than the tolerance; returns the number of sweeps. */
function settle(of: string, { states }: MarkovModel, values: Float64Array, tolerance: number, next: (state: number) => number): number {
  for (let sweep = 1; sweep <= mostSweeps; sweep++) {
    let change = 0;
    for (let state = 0; state < states; state++) {
      const value = next(state);
      change = Math.max(change, Math.abs(value - (values[state] as number)));
      values[state] = value;
    }
    if (change <= tolerance) return sweep;
    if (!Number.isFinite(change)) break;
  }
  return check(false, () => `${of}: the values do not settle: with a discount of 1 every policy must come to an end`) as never;
}

function improve(model: MarkovModel, values: Float64Array, discount: number): Pick<Solution, "actionValues" | "policy"> {
  const { states, actions } = model;
  const actionValues = new Float64Array(states * actions).map((_, i) =>
    outcome(model, values, Math.floor(i / actions), i % actions, discount),
  );
  const policy = new Int32Array(states).map((_, state) => {
    let best = 0;
    for (let action = 1; action < actions; action++) {
      if ((actionValues[state * actions + action] as number) > (actionValues[state * actions + best] as number) + 1e-9) best = action;
    }
    return best;
  });
  return { actionValues, policy };
}

function checkSolve(of: string, options: SolveOptions): Required<SolveOptions> {
  checkOptions<SolveOptions>(of, options, { discount: "optional", tolerance: "optional" });
  const { discount = 1, tolerance = 1e-10 } = options;
  check(discount >= 0 && discount <= 1, () => `${of}: got discount ${discount}, expected a number from 0 to 1`);
  check(tolerance > 0, () => `${of}: got tolerance ${tolerance}, expected a number above 0`);
  return { discount, tolerance };
}
