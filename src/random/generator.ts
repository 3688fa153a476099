import { check, KasaneError } from "../graph/error.js";
import { checkSeed } from "./state.js";

/**
 * Random numbers one at a time, for code that draws as it goes along, such as an environment. They follow from the seed and the stream alone.
 * The generator is sfc32, as for `fillUniform`. Its state is four 32-bit integers, in an array that can be a part of somebody's state.
 */
export class RandomGenerator {
  constructor(
    readonly state: Float64Array<ArrayBuffer> = new Float64Array(4),
    seed = 0,
    stream = 0,
    counter = 0,
  ) {
    check(state.length === 4, () => `RandomGenerator: got a state of ${state.length} numbers, expected 4`);
    this.seed(seed, stream, counter);
  }

  /** Starts anew from a seed, an integer from 0 to 2^32 - 1. Streams of one seed are independent, and so are counters of one stream. */
  seed(seed: number, stream = 0, counter = 0): void {
    checkSeed("RandomGenerator", seed);
    for (const part of [stream, counter]) {
      check(
        Number.isInteger(part) && part >= -(2 ** 31) && part < 2 ** 32,
        () => `RandomGenerator: got stream or counter ${part}, expected 32 bits`,
      );
    }
    const { state } = this;
    state[0] = seed | 0;
    state[1] = counter | 0;
    state[2] = stream | 0;
    state[3] = 1;
    // The first rounds mix the seed into all of the state.
    for (let i = 0; i < 16; i++) this.next();
  }

  /** Uniform in [0, 1), a multiple of 2^-32. */
  uniform(): number {
    return (this.next() >>> 0) * 2 ** -32;
  }

  /** An integer from 0 to `count - 1`, all equally probable. */
  integer(count: number): number {
    if (!(Number.isInteger(count) && count > 0)) throw new KasaneError(`RandomGenerator: integer(${count}): expected an integer from 1`);
    return Math.floor(this.uniform() * count);
  }

  /** Normal with mean 0 and standard deviation 1 (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** The next 32 bits, as an integer with a sign. */
  private next(): number {
    const { state } = this;
    const b = state[1] as number;
    const c = state[2] as number;
    const d = state[3] as number;
    const t = ((state[0] as number) + b + d) | 0;
    state[0] = b ^ (b >>> 9);
    state[1] = (c + (c << 3)) | 0;
    state[2] = (((c << 21) | (c >>> 11)) + t) | 0;
    state[3] = (d + 1) | 0;
    return t;
  }
}
