import { check } from "../graph/error.js";
import { checkChoice } from "../graph/options.js";
import type { LinearValues } from "./features.js";

/** A share of errors: see {@link UpdateOptions}. */
export type LearningRate = number | ((count: number) => number) | "average";

/** How values follow the rewards: what {@link TraceUpdates} and {@link ReturnUpdates} share. */
export interface UpdateOptions {
  /** What a reward of the next step counts for, beside one of this step. By default 1. */
  readonly discount?: number;
  /**
   * Which share of its error a value is corrected by, or a function that gives it by how often the value has been corrected with this time;
   * `average` makes it the mean of all that it was to become.
   */
  readonly learningRate: LearningRate;
  /**
   * How fast credit for an error fades on the way back to earlier steps, 0 to 1: lambda of SARSA(lambda) and TD(lambda). By default 0: only the last
   * step is corrected.
   */
  readonly traceDecay?: number;
  /** What a trace becomes where a feature is met again: 1 more, or 1. By default it accumulates. */
  readonly traces?: "accumulating" | "replacing";
  /** After how many steps rewards are replaced by the value of the state then, in place of traces; infinity is the Monte Carlo method. */
  readonly steps?: number;
}

/** Changes values by what happens. */
export interface Updates {
  /**
   * Takes a step.
   * @param active the features of the state that it was made in
   * @param column which value is changed, such as that of the action
   * @param next what the state after it is worth, 0 where the episode terminated there
   * @param ended whether the episode ended
   */
  step(active: Int32Array, column: number, reward: number, next: number, ended: boolean): void;
  /** Forgets the steps so far: what comes does not follow from them. */
  cut(): void;
}

/** The updates that options ask for, of some values. */
export function updatesOf(values: LinearValues, options: UpdateOptions): Updates {
  const { discount = 1, learningRate, traceDecay = 0, traces, steps } = options;
  checkChoice("updates", "traces", traces, ["accumulating", "replacing"]);
  check(discount >= 0 && discount <= 1, () => `discount: got ${discount}, expected a number from 0 to 1`);
  const isShare =
    typeof learningRate === "number"
      ? learningRate > 0 && learningRate <= 1
      : learningRate === "average" || typeof learningRate === "function";
  check(isShare, () => `learningRate: got ${learningRate}, expected a number above 0, up to 1, "average" or a function`);
  check(traceDecay >= 0 && traceDecay <= 1, () => `traceDecay: got ${traceDecay}, expected a number from 0 to 1`);
  const isCount = steps === undefined || steps === Number.POSITIVE_INFINITY || (Number.isInteger(steps) && steps > 0);
  check(isCount, () => `steps: got ${steps}, expected an integer from 1, or Infinity`);
  check(steps === undefined || traceDecay === 0, () => `steps and traceDecay: got ${steps} and ${traceDecay}, expected one of them`);
  return steps === undefined ? new TraceUpdates(values, options) : new ReturnUpdates(values, options, steps);
}

const shareOf = (rate: LearningRate, count: number): number =>
  typeof rate === "number" ? rate : rate === "average" ? 1 / count : rate(count);

/** Corrects a value by a share of its error, and counts that. */
function correct(
  { weights, counts, features, columns }: LinearValues,
  active: Int32Array,
  column: number,
  error: number,
  rate: LearningRate,
) {
  for (let i = 0; i < active.length; i++) {
    const place = (active[i] as number) * columns + column;
    const count = (counts[place] as number) + 1;
    counts[place] = count;
    weights[place] = (weights[place] as number) + (shareOf(rate, count) / features.active) * error;
  }
}

/**
 * Temporal differences with eligibility traces: an error corrects all values that led to it, those of long ago by less. With a decay of 0 it
 * corrects the last one alone. Sutton and Barto (2018), Reinforcement Learning, sections 6.1 and 12.2.
 */
class TraceUpdates implements Updates {
  private readonly discount: number;
  private readonly rate: LearningRate;
  private readonly decay: number;
  private readonly replaces: boolean;
  /** The trace of each weight, and those weights that have one. */
  private readonly traces: Float64Array;
  private readonly traced: Int32Array;
  private tracedCount = 0;

  constructor(
    private readonly values: LinearValues,
    { discount = 1, learningRate, traceDecay = 0, traces = "accumulating" }: UpdateOptions,
  ) {
    this.discount = discount;
    this.rate = learningRate;
    this.decay = traceDecay * discount;
    this.replaces = traces === "replacing";
    this.traces = new Float64Array(traceDecay > 0 ? values.weights.length : 0);
    this.traced = new Int32Array(this.traces.length);
    check(traceDecay === 0 || typeof learningRate === "number", () => "learningRate: got no number, which eligibility traces need");
  }

  step(active: Int32Array, column: number, reward: number, next: number, ended: boolean): void {
    const { values, traces, traced, decay } = this;
    const error = reward + this.discount * next - values.at(active, column);
    if (decay === 0) {
      correct(values, active, column, error, this.rate);
      return;
    }
    for (let i = 0; i < active.length; i++) {
      const place = (active[i] as number) * values.columns + column;
      if (traces[place] === 0) traced[this.tracedCount++] = place;
      traces[place] = this.replaces ? 1 : (traces[place] as number) + 1;
      values.counts[place] = (values.counts[place] as number) + 1;
    }
    const change = ((this.rate as number) / values.features.active) * error;
    for (let i = 0; i < this.tracedCount; i++) {
      const place = traced[i] as number;
      values.weights[place] = (values.weights[place] as number) + change * (traces[place] as number);
      // A trace that has faded to nothing stays among them, at a number above 0.
      traces[place] = Math.max((traces[place] as number) * decay, Number.MIN_VALUE);
    }
    if (ended) this.cut();
  }

  cut(): void {
    for (let i = 0; i < this.tracedCount; i++) this.traces[this.traced[i] as number] = 0;
    this.tracedCount = 0;
  }
}

/**
 * A value follows the rewards of the next n steps and the value of the state after them; with n infinite, all rewards to the end of the episode,
 * which is the Monte Carlo method of every visit. Sutton and Barto (2018), Reinforcement Learning, sections 5.1, 7.1 and 7.2.
 */
class ReturnUpdates implements Updates {
  private readonly discount: number;
  private readonly rate: LearningRate;
  /** The steps that are to be learnt from, in a ring: their features, columns and rewards. */
  private active: Int32Array;
  private columns: Int32Array;
  private rewards: Float64Array;
  private first = 0;
  private waiting = 0;

  constructor(
    private readonly values: LinearValues,
    { discount = 1, learningRate }: UpdateOptions,
    private readonly steps: number,
  ) {
    this.discount = discount;
    this.rate = learningRate;
    const capacity = Number.isFinite(steps) ? steps : 128;
    this.active = new Int32Array(capacity * values.features.active);
    this.columns = new Int32Array(capacity);
    this.rewards = new Float64Array(capacity);
  }

  step(active: Int32Array, column: number, reward: number, next: number, ended: boolean): void {
    if (this.waiting === this.rewards.length) this.grow();
    const place = (this.first + this.waiting++) % this.rewards.length;
    this.active.set(active, place * active.length);
    this.columns[place] = column;
    this.rewards[place] = reward;
    if (ended) {
      // From the last step to the first, each return follows from the one after it.
      let sum = next;
      for (let i = this.waiting - 1; i >= 0; i--) {
        sum = this.rewardOf(i) + this.discount * sum;
        this.learn(i, sum);
      }
      this.cut();
    } else if (this.waiting === this.steps) {
      let sum = next;
      for (let i = this.waiting - 1; i >= 0; i--) sum = this.rewardOf(i) + this.discount * sum;
      this.learn(0, sum);
      this.first = (this.first + 1) % this.rewards.length;
      this.waiting--;
    }
  }

  cut(): void {
    this.first = 0;
    this.waiting = 0;
  }

  private rewardOf(i: number): number {
    return this.rewards[(this.first + i) % this.rewards.length] as number;
  }

  private learn(i: number, target: number): void {
    const { values } = this;
    const place = (this.first + i) % this.rewards.length;
    const active = this.active.subarray(place * values.features.active, (place + 1) * values.features.active);
    const column = this.columns[place] as number;
    correct(values, active, column, target - values.at(active, column), this.rate);
  }

  /** Makes room for more steps; only where none is forgotten before the end, so the first is at 0. */
  private grow(): void {
    const longer = <Numbers extends Int32Array | Float64Array>(numbers: Numbers): Numbers => {
      const grown = new (numbers.constructor as new (length: number) => Numbers)(2 * numbers.length);
      grown.set(numbers);
      return grown;
    };
    this.active = longer(this.active);
    this.columns = longer(this.columns);
    this.rewards = longer(this.rewards);
  }
}
