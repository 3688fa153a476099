import { check } from "../graph/error.js";
import { type Shape, showShape, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { random } from "../ops/random.js";

export { ones, zeros } from "../ops/create.js";

/** Makes the first value of a weight. Drawn when it is first needed; which numbers it will be is fixed when it is made. */
export type Initialiser = (shape: Shape) => Tensor;

/** N(mean, deviation²). */
export const normal =
  (mean = 0, deviation = 1): Initialiser =>
  (shape) =>
    random.normal(shape, mean, deviation);

/** Uniform in [low, high). */
export const uniform =
  (low: number, high: number): Initialiser =>
  (shape) =>
    random.uniform(shape, low, high);

/** How many inputs each output has and how many outputs each input, in the layout `[outputs, inputs, ...kernel]`. */
function fans(shape: Shape): { fanIn: number; fanOut: number } {
  check(shape.length >= 2, () => `initialiser: ${showShape(shape)} has no inputs and outputs: expected [outputs, inputs, ...kernel]`);
  const [outputs, inputs, ...kernel] = shape as [number, number, ...number[]];
  return { fanIn: inputs * sizeOf(kernel), fanOut: outputs * sizeOf(kernel) };
}

/** Uniform of variance `gain² 2 / (fanIn + fanOut)` (Glorot and Bengio 2010, equation 16). */
export const xavierUniform =
  (gain = 1): Initialiser =>
  (shape) => {
    const { fanIn, fanOut } = fans(shape);
    const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
    return random.uniform(shape, -bound, bound);
  };

/** Normal of variance `gain² 2 / (fanIn + fanOut)` (Glorot and Bengio 2010, equation 12). */
export const xavierNormal =
  (gain = 1): Initialiser =>
  (shape) => {
    const { fanIn, fanOut } = fans(shape);
    return random.normal(shape, 0, gain * Math.sqrt(2 / (fanIn + fanOut)));
  };

/** Uniform of variance `gain² / fanIn`; the gain √2 is that of ReLU (He et al. 2015, equation 10). */
export const heUniform =
  (gain = Math.SQRT2): Initialiser =>
  (shape) => {
    const bound = gain * Math.sqrt(3 / fans(shape).fanIn);
    return random.uniform(shape, -bound, bound);
  };

/** Normal of variance `gain² / fanIn`; the gain √2 is that of ReLU (He et al. 2015, equation 10). */
export const heNormal =
  (gain = Math.SQRT2): Initialiser =>
  (shape) =>
    random.normal(shape, 0, gain / Math.sqrt(fans(shape).fanIn));
