import type { TypedArray } from "../../graph/dtype.js";
import { check } from "../../graph/error.js";
import type { Variable } from "../../graph/variable.js";
import { RandomGenerator } from "../../random/generator.js";
import { nextKey } from "../../random/state.js";
import type { Action } from "../space.js";
import type { VectorEnvironment } from "../vectorEnvironment.js";

/** Chooses an action by an observation. What it returns may be an array that the next choice writes over. */
export type Policy = (observation: Float32Array<ArrayBuffer>) => Action | Promise<Action>;

/** Figures of a part of the training, by name. What did not occur in it, such as the end of an episode, has none. */
export type Figures = Readonly<Record<string, number>>;

/** What learns by acting: trained some steps at a time, so that `fit` can record, save and resume in between. */
export abstract class NetworkAgent {
  protected readonly random: RandomGenerator;
  /** What the agent counts, for a checkpoint. */
  protected readonly counters: Float64Array<ArrayBuffer>;
  private learnt: Promise<Policy> | undefined;

  /**
   * @param environments that it acts in
   * @param counts how many numbers {@link counters} has
   */
  constructor(
    readonly environments: VectorEnvironment,
    counts: number,
  ) {
    const [seed, stream] = nextKey();
    this.random = new RandomGenerator(new Float64Array(4), seed, stream);
    this.counters = new Float64Array(counts);
  }

  /**
   * Makes some steps of the environments and learns from them.
   * @param steps of all environments together, a multiple of how many they are
   * @returns what was seen meanwhile: the mean return of the episodes that ended, losses
   */
  abstract train(steps: number): Promise<Figures>;

  /** The policy as it is learnt, without what is done to explore. It stays the agent's: what is learnt later changes it. */
  policy(): Promise<Policy> {
    this.learnt ??= this.makePolicy();
    return this.learnt;
  }

  protected abstract makePolicy(): Promise<Policy>;

  /** The variables of networks and optimizers, for a checkpoint. */
  abstract namedVariables(): Map<string, Variable>;

  /** All else that changes, the environments' state included, for a checkpoint: training resumes to the bit. */
  namedArrays(): Map<string, TypedArray> {
    const { random, counters } = this;
    return new Map<string, TypedArray>([
      ["random", random.state as TypedArray],
      ["counters", counters],
      ...prefixed("environments", this.environments.namedArrays() as ReadonlyMap<string, TypedArray>),
    ]);
  }

  /** Begins the first episodes, unless they were begun. */
  protected begin(): void {
    if ((this.environments.environments[0]?.steps ?? 0) < 0) this.environments.reset(this.random.integer(2 ** 32));
  }
}

/** Entries with a part before their names. */
export const prefixed = <T>(prefix: string, entries: ReadonlyMap<string, T>): [string, T][] =>
  [...entries].map(([name, value]) => [`${prefix}.${name}`, value]);

/** Adds up figures of a part of the training. */
export class Tally {
  private readonly sums = new Map<string, [sum: number, count: number]>();

  add(name: string, value: number): void {
    const sum = this.sums.get(name);
    if (!sum) this.sums.set(name, [value, 1]);
    else {
      sum[0] += value;
      sum[1]++;
    }
  }

  /** Adds the returns of the episodes that ended in the last step. */
  addEpisodes({ count, terminated, truncated, episodeReturns }: VectorEnvironment): void {
    for (let i = 0; i < count; i++) if (terminated[i] === 1 || truncated[i] === 1) this.add("episodeReturn", episodeReturns[i] as number);
  }

  means(): Figures {
    return Object.fromEntries([...this.sums].map(([name, [sum, count]]) => [name, sum / count]));
  }
}

/** Throws where a loss is not finite: what was learnt is lost then. */
export function checkLoss(agent: string, loss: number, updates: number): void {
  check(
    Number.isFinite(loss),
    () => `${agent}: the loss of update ${updates} is ${loss}: lower the learning rate, clip the gradients or scale the rewards down`,
  );
}

/** Throws where a network is given, and with it options of the one that it takes the place of. */
export function checkNetwork(
  agent: string,
  { network, ...others }: { readonly network?: unknown; readonly [name: string]: unknown },
): void {
  const given = ["hiddenSizes", "dueling", "noisy"].filter((name) => others[name] !== undefined);
  check(
    network === undefined || given.length === 0,
    () => `${agent}: got a network and ${given.join(", ")}, which belong to the default network: leave out one of both`,
  );
}

/** Throws unless options are integers from 1. */
export function checkCounts(agent: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts))
    check(Number.isSafeInteger(value) && value >= 1, () => `${agent}: got ${name} ${value}, expected an integer from 1`);
}
