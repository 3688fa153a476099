import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { isTraining } from "../graph/trace.js";
import { mul } from "../ops/arithmetic.js";
import { random } from "../ops/random.js";
import { Module } from "./module.js";

/**
 * Where a function is compiled with `training`, sets each element to 0 with the given probability and divides the others by what is left of
 * it, so that the mean stays; elsewhere the identity (Srivastava et al. 2014, Dropout, in the inverted form of section 10).
 */
export class Dropout extends Module {
  constructor(readonly probability = 0.5) {
    super();
    check(probability >= 0 && probability < 1, () => `Dropout: probability ${probability}: expected 0 up to, but not, 1`);
  }

  /** Any shape, which stays. */
  forward(x: Tensor): Tensor {
    const kept = 1 - this.probability;
    return isTraining() && kept < 1 ? mul(x, random.bernoulli(x.shape, kept, x.dtype, 1 / kept)) : x;
  }
}
