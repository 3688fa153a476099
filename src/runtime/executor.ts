import type { TypedArray } from "../graph/dtype.js";
import type { Tensor } from "../graph/tensor.js";

/** What runs a graph. */
export interface Executor {
  /**
   * Runs it once, and moves the variables that it updates on.
   * @param inputs the elements of the inputs
   * @param draw fills an array with the numbers of a random leaf
   * @returns the outputs
   */
  run(inputs: readonly TypedArray[], draw: Draw): readonly Tensor[] | Promise<readonly Tensor[]>;
  /** Gives back what it holds; a later run takes it again. */
  release(): Promise<void>;
}

/** Fills an array with the numbers of a random leaf. */
export type Draw = (leaf: Tensor, into: Float32Array<ArrayBuffer>) => void;
