import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { isTraining } from "../graph/trace.js";
import { mul } from "../ops/arithmetic.js";
import { random } from "../ops/random.js";
import { Module } from "./module.js";

/** Sets parts of what it gets to 0 with the given probability, all elements of a part together, and divides the others by what is left of it. */
abstract class DropoutOf extends Module {
  protected constructor(
    owner: string,
    readonly probability: number,
  ) {
    super();
    checkNumbers(owner, { probability }, { below: 1 });
  }

  /** @param axes how many of the first axes tell the parts from each other */
  protected drop(x: Tensor, axes: number): Tensor {
    const kept = 1 - this.probability;
    const parts = x.shape.map((size, axis) => (axis < axes ? size : 1));
    return isTraining() && kept < 1 ? mul(x, random.bernoulli(parts, kept, x.dtype, 1 / kept)) : x;
  }
}

/**
 * Where a function is compiled with `training`, sets each element to 0 with the given probability and divides the others by what is left of
 * it, so that the mean stays; elsewhere the identity (Srivastava et al. 2014, Dropout, in the inverted form of section 10).
 */
export class Dropout extends DropoutOf {
  constructor(probability = 0.5) {
    super("Dropout", probability);
  }

  /** Any shape, which stays. */
  forward(x: Tensor): Tensor {
    return this.drop(x, x.rank);
  }
}

/** {@link Dropout} of whole channels. */
abstract class ChannelDropout extends DropoutOf {
  protected constructor(
    owner: string,
    probability: number,
    private readonly rank: number,
  ) {
    super(owner, probability);
  }

  /** `[batch, channels, ...places]`, which stays. */
  forward(x: Tensor): Tensor {
    check(x.rank === this.rank, () => `${this.constructor.name}: got ${showShape(x.shape)}, expected rank ${this.rank}`);
    return this.drop(x, 2);
  }
}

/** {@link Dropout} of whole channels of `[batch, channels, length]` (Tompson et al. 2015, Efficient object localization, section 3.2). */
export class Dropout1d extends ChannelDropout {
  constructor(probability = 0.5) {
    super("Dropout1d", probability, 3);
  }
}

/** {@link Dropout} of whole channels of `[batch, channels, height, width]` (Tompson et al. 2015, section 3.2). */
export class Dropout2d extends ChannelDropout {
  constructor(probability = 0.5) {
    super("Dropout2d", probability, 4);
  }
}

/** {@link Dropout} of whole channels of `[batch, channels, depth, height, width]` (Tompson et al. 2015, section 3.2). */
export class Dropout3d extends ChannelDropout {
  constructor(probability = 0.5) {
    super("Dropout3d", probability, 5);
  }
}

/**
 * {@link Dropout} of whole examples: put at the end of a residual branch, it leaves the branch out for some of them (Huang et al. 2016, Deep networks
 * with stochastic depth).
 */
export class DropPath extends DropoutOf {
  constructor(probability = 0.5) {
    super("DropPath", probability);
  }

  /** `[batch, ...]`, which stays. */
  forward(x: Tensor): Tensor {
    return this.drop(x, 1);
  }
}
