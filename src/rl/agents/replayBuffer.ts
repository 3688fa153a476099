import { check, KasaneError } from "../../graph/error.js";
import { checkNumbers } from "../../graph/numbers.js";
import { checkOptions, type OptionNames } from "../../graph/options.js";
import { fromData } from "../../graph/tensor.js";
import type { RandomGenerator } from "../../random/generator.js";
import type { Transitions } from "./actionValues.js";
import { SumTree } from "./sumTree.js";

/** How transitions are prioritised. */
export interface PriorityOptions {
  /** α: 0 draws all alike, 1 in proportion to their errors; by default 0.6. */
  readonly exponent?: number;
  /** Added to an error, so that no transition is never drawn; by default 1e-6. */
  readonly floor?: number;
}

/** Settings of a {@link ReplayBuffer}. */
export interface ReplayOptions {
  /** How many transitions are kept: the last ones. */
  readonly capacity: number;
  readonly batchSize: number;
  /** How many numbers an observation is. */
  readonly observationSize: number;
  /** γ of the returns. */
  readonly discount: number;
  /** How many rewards a transition adds up, by default 1. */
  readonly steps?: number;
  /** How many environments add transitions, by default 1. */
  readonly environments?: number;
  /** Whether observations are kept as bytes: they are integers from 0 to 255. */
  readonly bytes?: boolean;
  /** Whether, and how, transitions with large errors are drawn more often; by default all are drawn alike. */
  readonly prioritised?: boolean | PriorityOptions;
}

const replayOptions: OptionNames<ReplayOptions> = {
  capacity: "required",
  batchSize: "required",
  observationSize: "required",
  discount: "required",
  steps: "optional",
  environments: "optional",
  bytes: "optional",
  prioritised: "optional",
};

/** Transitions drawn together. Each draw writes over them. */
export interface ReplayBatch {
  /** `[batchSize, observationSize]` in rows. */
  readonly observations: Float32Array<ArrayBuffer>;
  /** `[batchSize]` */
  readonly actions: Int32Array<ArrayBuffer>;
  /** `[batchSize]`: `Σ γᵏ r` of the rewards that a transition adds up. */
  readonly rewards: Float32Array<ArrayBuffer>;
  /** `[batchSize, observationSize]`: what was observed after them. */
  readonly nextObservations: Float32Array<ArrayBuffer>;
  /** `[batchSize]`: what a value of the next observation counts, `γⁿ` after n rewards; 0 where the episode terminated there. */
  readonly discounts: Float32Array<ArrayBuffer>;
  /** `[batchSize]`: the weights of the errors, which make up for draws by priority; else 1. */
  readonly weights: Float32Array<ArrayBuffer>;
}

/** What changes in a buffer beside its transitions, in this order. */
const [positionAt, countAt, largestAt] = [0, 1, 2] as const;

/**
 * The transitions that an agent learns from again and again (Lin 1992; Mnih et al. 2015), with returns of several steps (Sutton 1988) and draws by
 * priority (Schaul et al. 2015) where asked for. All memory is taken when it is made. An episode that was truncated still has a future: transitions
 * up to its last observation count the value of that.
 */
export class ReplayBuffer {
  readonly batch: ReplayBatch;
  /** Tensors over the arrays of {@link batch}, not copies: a call reads what was drawn last. */
  readonly tensors: Transitions;
  private readonly observations: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  private readonly nextObservations: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  private readonly actions: Int32Array<ArrayBuffer>;
  private readonly rewards: Float32Array<ArrayBuffer>;
  private readonly discounts: Float32Array<ArrayBuffer>;
  private readonly counters = Float64Array.of(0, 0, 1);
  private readonly recent: Recent;
  private readonly tree: SumTree | undefined;
  private readonly exponent: number;
  private readonly floor: number;
  /** Where the transitions of the batch are. */
  private readonly places: Int32Array<ArrayBuffer>;

  constructor(private readonly options: ReplayOptions) {
    checkOptions("ReplayBuffer", options, replayOptions);
    const { capacity, batchSize, observationSize, discount, steps = 1, environments = 1, bytes = false, prioritised = false } = options;
    for (const [name, value] of Object.entries({ capacity, batchSize, observationSize, steps, environments }))
      check(Number.isSafeInteger(value) && value >= 1, () => `ReplayBuffer: got ${name} ${value}, expected an integer from 1`);
    check(discount >= 0 && discount <= 1, () => `ReplayBuffer: got discount ${discount}, expected a number from 0 to 1`);
    const priorities = typeof prioritised === "object" ? prioritised : {};
    checkOptions<PriorityOptions>("ReplayBuffer: prioritised", priorities, { exponent: "optional", floor: "optional" });
    checkNumbers("ReplayBuffer: prioritised", { ...priorities });
    this.exponent = priorities.exponent ?? 0.6;
    this.floor = priorities.floor ?? 1e-6;
    this.tree = prioritised === false ? undefined : new SumTree(capacity);
    const Observations = bytes ? Uint8Array : Float32Array;
    this.observations = new Observations(capacity * observationSize);
    this.nextObservations = new Observations(capacity * observationSize);
    this.actions = new Int32Array(capacity);
    this.rewards = new Float32Array(capacity);
    this.discounts = new Float32Array(capacity);
    this.places = new Int32Array(batchSize);
    this.recent = new Recent(environments, steps, observationSize);
    this.batch = {
      observations: new Float32Array(batchSize * observationSize),
      actions: new Int32Array(batchSize),
      rewards: new Float32Array(batchSize),
      nextObservations: new Float32Array(batchSize * observationSize),
      discounts: new Float32Array(batchSize),
      weights: new Float32Array(batchSize).fill(1),
    };
    const { observations, actions, rewards, nextObservations, discounts, weights } = this.batch;
    const row = (elements: Float32Array<ArrayBuffer>) => fromData(elements, [batchSize], "float32");
    const rows = (elements: Float32Array<ArrayBuffer>) => fromData(elements, [batchSize, observationSize], "float32");
    this.tensors = {
      observations: rows(observations),
      actions: fromData(actions, [batchSize], "int32"),
      rewards: row(rewards),
      nextObservations: rows(nextObservations),
      discounts: row(discounts),
      weights: row(weights),
    };
  }

  /** How many transitions it holds. */
  get count(): number {
    return this.counters[countAt] as number;
  }

  /**
   * Adds a step of an environment.
   * @param observations rows, of which this step began with `environment`'s
   * @param nextObservations rows; that of `environment` is what was observed after the step, in the same episode
   * @param terminated whether that has no future
   * @param ended whether the episode ended, terminated or truncated
   */
  add(
    environment: number,
    observations: Float32Array,
    action: number,
    reward: number,
    nextObservations: Float32Array,
    terminated: boolean,
    ended: boolean,
  ): void {
    const { recent, options } = this;
    const { observationSize, environments = 1 } = options;
    if (!(Number.isInteger(environment) && environment >= 0 && environment < environments))
      throw new KasaneError(`ReplayBuffer: environment ${environment}, expected 0 to ${environments - 1}`);
    if (!Number.isInteger(action)) throw new KasaneError(`ReplayBuffer: action ${action}, expected an index`);
    const least = (environment + 1) * observationSize;
    if (observations.length < least || nextObservations.length < least) {
      throw new KasaneError(
        `ReplayBuffer: got ${observations.length} and ${nextObservations.length} numbers of observations, expected ${environments} x ${observationSize}`,
      );
    }
    recent.push(environment, observations, action, reward);
    while (recent.isComplete(environment) || (ended && recent.countOf(environment) > 0)) {
      this.store(environment, nextObservations, terminated);
      recent.shift(environment);
    }
  }

  /** Keeps the oldest of the recent steps as a transition over all of them. */
  private store(environment: number, nextObservations: Float32Array, terminated: boolean): void {
    const { options, counters, recent, tree } = this;
    const { capacity, observationSize: size, discount, bytes = false } = options;
    const place = counters[positionAt] as number;
    counters[positionAt] = (place + 1) % capacity;
    counters[countAt] = Math.min(this.count + 1, capacity);
    copyRow(recent.observations, recent.placeOf(environment, 0), this.observations, place, size);
    copyRow(nextObservations, environment, this.nextObservations, place, size);
    if (bytes) {
      checkBytes(recent.observations, recent.placeOf(environment, 0), this.observations, place, size);
      checkBytes(nextObservations, environment, this.nextObservations, place, size);
    }
    this.actions[place] = recent.actions[recent.placeOf(environment, 0)] as number;
    let [total, factor] = [0, 1];
    for (let i = 0; i < recent.countOf(environment); i++) {
      total += factor * (recent.rewards[recent.placeOf(environment, i)] as number);
      factor *= discount;
    }
    this.rewards[place] = total;
    this.discounts[place] = terminated ? 0 : factor;
    // A new transition is drawn soon.
    tree?.set(place, counters[largestAt] as number);
  }

  /**
   * Draws a batch, with replacement.
   * @param importance β, how far the weights make up for draws by priority: 0 to 1, fully
   */
  draw(random: RandomGenerator, importance = 1): ReplayBatch {
    const { places, tree, batch, count } = this;
    const { observationSize: size } = this.options;
    check(count > 0, () => "ReplayBuffer: a draw before the first transition: add some first");
    let largest = 0;
    for (let i = 0; i < places.length; i++) {
      // Each of equal parts of all priorities gives one.
      const place = tree ? tree.find(((i + random.uniform()) / places.length) * tree.total) : random.integer(count);
      places[i] = place;
      copyRow(this.observations, place, batch.observations, i, size);
      copyRow(this.nextObservations, place, batch.nextObservations, i, size);
      batch.actions[i] = this.actions[place] as number;
      batch.rewards[i] = this.rewards[place] as number;
      batch.discounts[i] = this.discounts[place] as number;
      if (!tree) continue;
      const weight = ((count * tree.at(place)) / tree.total) ** -importance;
      batch.weights[i] = weight;
      largest = Math.max(largest, weight);
    }
    if (tree) for (let i = 0; i < places.length; i++) batch.weights[i] = (batch.weights[i] as number) / largest;
    return batch;
  }

  /** Sets the priorities of the transitions drawn last. Without priorities nothing happens. */
  prioritise(errors: ArrayLike<number>): void {
    const { tree, places, counters } = this;
    if (!tree) return;
    for (let i = 0; i < places.length; i++) {
      const priority = (Math.abs(errors[i] as number) + this.floor) ** this.exponent;
      tree.set(places[i] as number, priority);
      counters[largestAt] = Math.max(counters[largestAt] as number, priority);
    }
  }

  /** All that changes, for a checkpoint. */
  namedArrays(): Map<string, Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>> {
    const { observations, nextObservations, actions, rewards, discounts, counters, recent, tree } = this;
    return new Map([
      ...Object.entries({ observations, nextObservations, actions, rewards, discounts, counters }),
      ...(tree ? ([["priorities", tree.sums]] as const) : []),
      ...[...recent.namedArrays()].map(([name, array]) => [`recent.${name}`, array] as const),
    ]);
  }
}

/** The last steps of each environment that make no transition yet. */
class Recent {
  /** `[environments, steps, size]` */
  readonly observations: Float32Array<ArrayBuffer>;
  /** `[environments, steps]` */
  readonly actions: Int32Array<ArrayBuffer>;
  readonly rewards: Float64Array<ArrayBuffer>;
  /** Of each environment where the oldest step is, and how many there are. */
  private readonly spans: Int32Array<ArrayBuffer>;

  constructor(
    environments: number,
    private readonly steps: number,
    private readonly size: number,
  ) {
    this.observations = new Float32Array(environments * steps * size);
    this.actions = new Int32Array(environments * steps);
    this.rewards = new Float64Array(environments * steps);
    this.spans = new Int32Array(2 * environments);
  }

  countOf(environment: number): number {
    return this.spans[2 * environment + 1] as number;
  }

  isComplete(environment: number): boolean {
    return this.countOf(environment) === this.steps;
  }

  /** The row of a step, counted from the oldest. */
  placeOf(environment: number, step: number): number {
    return environment * this.steps + (((this.spans[2 * environment] as number) + step) % this.steps);
  }

  push(environment: number, observations: Float32Array, action: number, reward: number): void {
    const place = this.placeOf(environment, this.countOf(environment));
    copyRow(observations, environment, this.observations, place, this.size);
    this.actions[place] = action;
    this.rewards[place] = reward;
    this.spans[2 * environment + 1] = this.countOf(environment) + 1;
  }

  /** Forgets the oldest. */
  shift(environment: number): void {
    this.spans[2 * environment] = ((this.spans[2 * environment] as number) + 1) % this.steps;
    this.spans[2 * environment + 1] = this.countOf(environment) - 1;
  }

  namedArrays() {
    const { observations, actions, rewards, spans } = this;
    return new Map(Object.entries({ observations, actions, rewards, spans }));
  }
}

type Row = Float32Array | Int32Array | Uint8Array;

/** Throws where a row was copied as bytes and lost what a byte does not hold. */
function checkBytes(from: Row, i: number, to: Row, j: number, size: number): void {
  for (let k = 0; k < size; k++) {
    const [given, kept] = [from[i * size + k] as number, to[j * size + k]];
    check(given === kept, () => `ReplayBuffer: bytes: an observation has ${given}, expected integers from 0 to 255`);
  }
}

/** Copies row `i` of an array to row `j` of another: one by one, which for few numbers is faster than a call. */
export function copyRow(from: Row, i: number, to: Row, j: number, size: number): void {
  const [start, target] = [i * size, j * size];
  for (let k = 0; k < size; k++) to[target + k] = from[start + k] as number;
}
