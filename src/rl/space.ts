import { check, KasaneError } from "../graph/error.js";
import type { RandomGenerator } from "../random/generator.js";

/** What an environment takes as an action: an index, or the numbers of a continuous one. */
export type Action = number | ArrayLike<number>;

/** What observations or actions there are. */
export interface Space {
  /** How many numbers an element is. */
  readonly size: number;
  /** Whether there is such an element. An index may stand alone, without an array around it. */
  contains(element: Action): boolean;
  /** As an error names it. */
  toString(): string;
}

/** The indices 0 to `count - 1`. */
export class Discrete implements Space {
  readonly size = 1;

  constructor(readonly count: number) {
    checkCount("Discrete", count);
  }

  contains(element: Action): boolean {
    if (typeof element !== "number") return element.length === 1 && this.contains(element[0] as number);
    return Number.isInteger(element) && element >= 0 && element < this.count;
  }

  toString(): string {
    return `an integer from 0 to ${this.count - 1}`;
  }
}

/** Several indices, each with a count of its own. */
export class MultiDiscrete implements Space {
  readonly size: number;
  /** How many elements there are. */
  readonly count: number;

  constructor(readonly counts: readonly number[]) {
    for (const count of counts) checkCount("MultiDiscrete", count);
    this.size = counts.length;
    this.count = counts.reduce((product, count) => product * count, 1);
  }

  contains(element: Action): boolean {
    if (typeof element === "number" || element.length !== this.size) return false;
    return this.counts.every((count, i) => Number.isInteger(element[i]) && (element[i] as number) >= 0 && (element[i] as number) < count);
  }

  toString(): string {
    return `${this.size} integers from 0 to at most ${this.counts.map((count) => count - 1).join(", ")}`;
  }
}

/** Arrays of real numbers between bounds, which may be infinite. */
export class Box implements Space {
  readonly low: Float32Array;
  readonly high: Float32Array;
  readonly size: number;

  /** @param low a bound for each number, or one for all */
  constructor(
    low: number | readonly number[],
    high: number | readonly number[],
    readonly shape: readonly number[] = typeof low === "number" ? [] : [low.length],
  ) {
    this.size = shape.reduce((product, length) => product * length, 1);
    this.low = this.bounds(low);
    this.high = this.bounds(high);
    check(
      this.low.every((bound, i) => bound <= (this.high[i] as number)),
      () => `Box: got a lower bound above the upper one: ${this}`,
    );
  }

  contains(element: Action): boolean {
    if (typeof element === "number" || element.length !== this.size) return false;
    for (let i = 0; i < this.size; i++) {
      const value = element[i] as number;
      if (!(value >= (this.low[i] as number) && value <= (this.high[i] as number))) return false;
    }
    return true;
  }

  /** Moves the numbers of an element, such as a draw of a normal distribution, into the bounds, in place. */
  clip(element: Float32Array | Float64Array): void {
    for (let i = 0; i < element.length; i++) {
      const place = i % this.size;
      element[i] = Math.min(Math.max(element[i] as number, this.low[place] as number), this.high[place] as number);
    }
  }

  toString(): string {
    const range = (i: number) => `${this.low[i]} to ${this.high[i]}`;
    const isUniform = this.low.every((low) => low === this.low[0]) && this.high.every((high) => high === this.high[0]);
    const ranges = isUniform ? range(0) : Array.from(this.low, (_, i) => range(i)).join(", ");
    return `${this.size} ${this.size === 1 ? "number" : "numbers"} from ${ranges}`;
  }

  private bounds(given: number | readonly number[]): Float32Array {
    if (typeof given === "number") return new Float32Array(this.size).fill(given);
    check(given.length === this.size, () => `Box: got ${given.length} bounds for ${this.size} numbers`);
    return Float32Array.from(given);
  }
}

/** Writes a random action into `into` at `at`: each index, or each number between its bounds, with equal probability. */
export function drawAction(space: Space, random: RandomGenerator, into: { [place: number]: number }, at = 0): void {
  if (space instanceof Discrete) into[at] = random.integer(space.count);
  else if (space instanceof Box) {
    for (let i = 0; i < space.size; i++) {
      const [low, high] = [space.low[i] as number, space.high[i] as number];
      check(Number.isFinite(high - low), () => `drawAction: got a space without bounds: ${space}`);
      into[at + i] = low + random.uniform() * (high - low);
    }
  } else throw new KasaneError(`drawAction: got ${space}, expected a Discrete or a Box`);
}

function checkCount(of: string, count: number): void {
  check(Number.isInteger(count) && count > 0, () => `${of}: got a count of ${count}, expected an integer from 1`);
}
