import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { RandomGenerator } from "../random/generator.js";

/** What an action is chosen by. */
export interface Choices {
  /** The value of each action as it is estimated. */
  readonly values: Float64Array;
  /** How often the value of each action was corrected here. */
  readonly counts: Float64Array;
  /** How many actions were chosen before, anywhere. */
  readonly step: number;
}

/** A way to choose actions that also tries those that do not look best. */
export interface Exploration {
  /** Whether it goes by the counts: then the agent must correct the value of an action before the next one. */
  readonly needsCounts?: boolean;
  /** Chooses an action by its index. */
  choose(choices: Choices, random: RandomGenerator): number;
  /** Writes the probability of each action into `into`, where they follow from the values: expected SARSA needs them. */
  probabilities?(choices: Choices, into: Float64Array): void;
}

/** A number, or one that follows from the number of steps made. */
export type Schedule = number | ((step: number) => number);

/** From one value to another along a line, in so many steps. Then it stays. */
export function linearDecay(from: number, to: number, steps: number): Schedule {
  check(
    Number.isFinite(from) && Number.isFinite(to) && steps > 0,
    () => `linearDecay: got ${from} to ${to} in ${steps} steps, expected numbers, and steps above 0`,
  );
  return (step) => from + (to - from) * Math.min(step / steps, 1);
}

const valueOf = (schedule: Schedule, step: number): number => (typeof schedule === "number" ? schedule : schedule(step));

/** The action of the greatest value, by chance where several have it. */
export function greedyAction(values: Float64Array, random: RandomGenerator): number {
  let best = 0;
  let ties = 1;
  for (let action = 1; action < values.length; action++) {
    const value = values[action] as number;
    if (value > (values[best] as number)) [best, ties] = [action, 1];
    else if (value === values[best]) {
      ties++;
      if (random.integer(ties) === 0) best = action;
    }
  }
  return best;
}

/** The best action, or with a probability of `epsilon` any. An `epsilon` of 0 is greedy: with high first values it explores too. */
export function epsilonGreedy(epsilon: Schedule): Exploration {
  if (typeof epsilon === "number") checkShare("epsilonGreedy", epsilon);
  return {
    choose({ values, step }, random) {
      const share = checkShare("epsilonGreedy", valueOf(epsilon, step));
      return share > 0 && random.uniform() < share ? random.integer(values.length) : greedyAction(values, random);
    },
    probabilities({ values, step }, into) {
      const share = valueOf(epsilon, step);
      const greatest = values.reduce((a, b) => Math.max(a, b));
      const ties = values.reduce((count, value) => count + Number(value === greatest), 0);
      for (let i = 0; i < values.length; i++) into[i] = share / values.length + (values[i] === greatest ? (1 - share) / ties : 0);
    },
  };
}

/** Each action with a probability in proportion to e to the power of its value divided by the temperature (Boltzmann's distribution). */
export function softmaxExploration(temperature: Schedule): Exploration {
  let scratch = new Float64Array();
  const probabilities = ({ values, step }: Choices, into: Float64Array) => {
    const degree = valueOf(temperature, step);
    check(degree > 0, () => `softmaxExploration: got the temperature ${degree}, expected a number above 0`);
    softmaxOf(values, degree, into);
  };
  return {
    choose(choices, random) {
      if (scratch.length !== choices.values.length) scratch = new Float64Array(choices.values.length);
      probabilities(choices, scratch);
      return drawIndex(scratch, random);
    },
    probabilities,
  };
}

/** Writes e to the power of each value divided by the temperature, divided by their sum. */
export function softmaxOf(values: Float64Array, temperature: number, into: Float64Array): void {
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) greatest = Math.max(greatest, values[i] as number);
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    into[i] = Math.exp(((values[i] as number) - greatest) / temperature);
    sum += into[i] as number;
  }
  for (let i = 0; i < values.length; i++) into[i] = (into[i] as number) / sum;
}

/** An index, each with its probability. */
export function drawIndex(probabilities: Float64Array, random: RandomGenerator): number {
  let rest = random.uniform();
  for (let i = 0; i < probabilities.length - 1; i++) {
    rest -= probabilities[i] as number;
    if (rest < 0) return i;
  }
  return probabilities.length - 1;
}

/**
 * The action whose value may be highest: its estimate plus `confidence` times the root of ln t divided by how often it was taken, where t is how
 * often all were; each is tried once first (Auer, Cesa-Bianchi and Fischer 2002; Sutton and Barto 2018, section 2.7).
 */
export function upperConfidenceBound(confidence: number): Exploration {
  check(confidence > 0, () => `upperConfidenceBound: got confidence ${confidence}, expected a number above 0`);
  let bounds = new Float64Array();
  return {
    needsCounts: true,
    choose({ values, counts }, random) {
      if (bounds.length !== values.length) bounds = new Float64Array(values.length);
      const all = counts.reduce((sum, count) => sum + count, 0);
      for (let i = 0; i < values.length; i++) {
        const count = counts[i] as number;
        bounds[i] = count === 0 ? Number.POSITIVE_INFINITY : (values[i] as number) + confidence * Math.sqrt(Math.log(all) / count);
      }
      return greedyAction(bounds, random);
    },
  };
}

/** What rewards are like, for {@link thompsonSampling}. */
export interface ThompsonOptions {
  /** What the values of actions are before any is taken: a normal distribution. By default of mean 0 and standard deviation 1. */
  readonly priorMean?: number;
  readonly priorDeviation?: number;
  /** The standard deviation of a reward around its action's value, by default 1. */
  readonly noise?: number;
}

/**
 * The best action of a draw from what is known of the values: normal rewards with a normal prior. It needs values that are means of the rewards
 * (Thompson 1933; Russo et al. 2018, A tutorial on Thompson sampling).
 */
export function thompsonSampling(options: ThompsonOptions = {}): Exploration {
  checkOptions<ThompsonOptions>("thompsonSampling", options, { priorMean: "optional", priorDeviation: "optional", noise: "optional" });
  const { priorMean = 0, priorDeviation = 1, noise = 1 } = options;
  check(priorDeviation > 0 && noise > 0, () => `thompsonSampling: got deviations ${priorDeviation} and ${noise}, expected numbers above 0`);
  let drawn = new Float64Array();
  return {
    needsCounts: true,
    choose({ values, counts }, random) {
      if (drawn.length !== values.length) drawn = new Float64Array(values.length);
      for (let i = 0; i < values.length; i++) {
        // Precisions, the reciprocals of variances, add up.
        const [prior, data] = [priorDeviation ** -2, (counts[i] as number) * noise ** -2];
        const mean = (prior * priorMean + data * (values[i] as number)) / (prior + data);
        drawn[i] = mean + random.normal() / Math.sqrt(prior + data);
      }
      return greedyAction(drawn, random);
    },
  };
}

function checkShare(of: string, share: number): number {
  check(share >= 0 && share <= 1, () => `${of}: got epsilon ${share}, expected a number from 0 to 1`);
  return share;
}
