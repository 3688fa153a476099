import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";

/** Everything random follows from these two numbers: every value drawn, and every run of a traced function, takes the next counter. */
export interface RandomState {
  seed: number;
  counter: number;
}

/** The state of the process, which its runtime has. */
export const defaultRandom: RandomState = { seed: 0, counter: 0 };

/** Throws unless a seed is an integer from 0 to 2^32 - 1. */
export function checkSeed(owner: string, value: number): void {
  const isSeed = Number.isInteger(value) && value >= 0 && value < 2 ** 32;
  check(isSeed, () => `${owner}: got seed ${JSON.stringify(value) ?? value}, expected an integer from 0 to 2^32 - 1`);
}

/** Starts all random numbers anew from `value`: the same seed gives the same numbers on every machine. */
export function seed(value: number): void {
  checkSeed("seed", value);
  defaultRandom.seed = value;
  defaultRandom.counter = 0;
}

/** The key of the next draw, or of the next run of a traced function; of several runs the first, those after it follow. */
export function nextKey(runs = 1): readonly [number, number] {
  const key = [defaultRandom.seed, defaultRandom.counter] as const;
  defaultRandom.counter += runs;
  return key;
}

/** What a checkpoint keeps of the random numbers. */
export const randomState = (): RandomState => ({ ...defaultRandom });

/** Goes on from a kept {@link randomState}. */
export function setRandomState(kept: RandomState): void {
  checkOptions("setRandomState", kept, { seed: "required", counter: "required" });
  const { seed, counter } = kept;
  checkSeed("setRandomState", seed);
  check(Number.isSafeInteger(counter) && counter >= 0, () => `setRandomState: got counter ${counter}, expected an integer from 0`);
  Object.assign(defaultRandom, { seed, counter });
}
