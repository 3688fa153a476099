import type { TypedArray } from "../graph/dtype.js";
import { check, KasaneError } from "../graph/error.js";
import { Discrete, MultiDiscrete, type Space } from "./space.js";

/** What a linear function knows of an observation: a few of many features are 1, and all others 0. */
export interface Features {
  /** How many features there are. */
  readonly count: number;
  /** How many of them are 1. */
  readonly active: number;
  /** Writes the indices of those that are 1 into `into`. */
  find(observation: ArrayLike<number>, into: Int32Array): void;
  /** What it has learnt itself, for a checkpoint. */
  namedArrays?(): ReadonlyMap<string, TypedArray>;
}

/** What features have learnt themselves, by the names that a checkpoint of their owner has. */
export const arraysOfFeatures = (features: Features): [string, TypedArray][] =>
  Array.from(features.namedArrays?.() ?? [], ([name, array]) => [`features.${name}`, array]);

/** One feature for each element of a finite space: a linear function of it is a table. */
export function tableFeatures(space: Space): Features {
  check(
    space instanceof Discrete || space instanceof MultiDiscrete,
    () => `tableFeatures: got ${space}, expected indices: code numbers by tiles`,
  );
  const counts = space instanceof Discrete ? [space.count] : space.counts;
  return {
    count: space.count,
    active: 1,
    find(observation, into) {
      let place = 0;
      for (let i = 0; i < counts.length; i++) place = place * (counts[i] as number) + (observation[i] as number);
      if (!space.contains(observation)) throw new KasaneError(`tableFeatures: got ${Array.from(observation)}, expected ${space}`);
      into[0] = place;
    },
  };
}

/** Linear functions of {@link Features}, one in each of several columns: the value of each action, or of a state. */
export class LinearValues {
  /** `[features.count, columns]` in rows. Of a table these are the values themselves. */
  readonly weights: Float64Array<ArrayBuffer>;
  /** `[features.count, columns]`: how often each was changed. */
  readonly counts: Float64Array<ArrayBuffer>;

  /** @param initialValue what all values are at first */
  constructor(
    readonly features: Features,
    readonly columns: number,
    initialValue = 0,
  ) {
    this.weights = new Float64Array(features.count * columns).fill(initialValue / features.active);
    this.counts = new Float64Array(this.weights.length);
  }

  /** The value in a column, where the features `active` are 1. */
  at(active: Int32Array, column: number): number {
    let sum = 0;
    for (let i = 0; i < active.length; i++) sum += this.weights[(active[i] as number) * this.columns + column] as number;
    return sum;
  }

  /** Writes the values in all columns into `into`. */
  all(active: Int32Array, into: Float64Array): void {
    for (let column = 0; column < this.columns; column++) into[column] = this.at(active, column);
  }

  /** What changes, for a checkpoint. */
  namedArrays(): ReadonlyMap<string, Float64Array<ArrayBuffer>> {
    const { weights, counts } = this;
    return new Map(Object.entries({ weights, counts }));
  }
}
