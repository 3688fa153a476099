import { check } from "../graph/error.js";
import { type Shape, showShape, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add, div, mul, sign, sub } from "../ops/arithmetic.js";
import { eye, full, zeros } from "../ops/create.js";
import { log } from "../ops/elementary.js";
import { matmul } from "../ops/matmul.js";
import { random } from "../ops/random.js";
import { norm, sum } from "../ops/reduce.js";
import { reshape, transpose } from "../ops/shapes.js";
import { slice } from "../ops/slicing.js";
import { tril, triu } from "../ops/triangle.js";

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

/** Uniform in ±1/√size, as the layers of PyTorch start; zeros where the size is 0. */
export const withinRoot = (size: number): Initialiser => (size === 0 ? zeros : uniform(-1 / Math.sqrt(size), 1 / Math.sqrt(size)));

/** How many inputs each output has and how many outputs each input, in the layout `[outputs, inputs, ...kernel]`. */
function fans(shape: Shape): { fanIn: number; fanOut: number } {
  check(shape.length >= 2, () => `initialiser: ${showShape(shape)} has no inputs and outputs: expected [outputs, inputs, ...kernel]`);
  const [outputs, inputs, ...kernel] = shape as [number, number, ...number[]];
  // Of no inputs or no outputs there is no weight to draw.
  return { fanIn: Math.max(1, inputs * sizeOf(kernel)), fanOut: Math.max(1, outputs * sizeOf(kernel)) };
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

/**
 * N(mean, deviation²) without what lies beyond two deviations from the mean: `mean + deviation √2 erf⁻¹(u)` with u uniform in ±erf(√2).
 * The deviation is that of the whole normal; cut off it is 0.88 of it.
 */
export const truncatedNormal =
  (mean = 0, deviation = 1): Initialiser =>
  (shape) => {
    const bound = 0.9544997361036416; // erf(√2)
    return add(mul(inverseErf(random.uniform(shape, -bound, bound)), deviation * Math.SQRT2), mean);
  };

/** erf⁻¹ within |x| < 0.99, to float32 precision (Giles 2010, Approximating the erfinv function, table 5, central region). */
function inverseErf(x: Tensor): Tensor {
  const w = sub(-2.5, log(mul(sub(1, x), add(1, x))));
  const coefficients = [
    2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3, 0.246640727, 1.50140941,
  ];
  const [first, ...others] = coefficients as [number, ...number[]];
  return mul(
    x,
    others.reduce<Tensor>((sum, coefficient) => add(mul(sum, w), coefficient), full([], first, "float32")),
  );
}

/**
 * `gain` times an orthogonal matrix, drawn evenly from all of them: orthonormal rows where they are the fewer, else columns
 * (Saxe et al. 2013, Exact solutions to the nonlinear dynamics of learning, page 9). Axes after the first count as one.
 *
 * It is the Q of a normal matrix, made of Householder reflections of normal vectors (Stewart 1980, The efficient generation of random
 * orthogonal matrices), which come together as `Q = I - U T Uᵀ` with `T⁻¹ = I / 2 + triu(UᵀU, 1)` (Puglisi 1992).
 */
export const orthogonal =
  (gain = 1): Initialiser =>
  (shape) => {
    check(shape.length >= 2, () => `orthogonal: ${showShape(shape)} is no matrix: expected [outputs, inputs, ...kernel]`);
    const [rows, columns] = [shape[0] as number, sizeOf(shape.slice(1))];
    const [long, short] = [Math.max(rows, columns), Math.min(rows, columns)];
    const x = tril(random.normal([long, short]));
    // The reflection of eₖ onto a column x is along x ± ‖x‖ eₖ, with the sign that cancels nothing.
    const diagonal = eye(long, short);
    const signs = sign(sum(mul(x, diagonal), { axis: 0, keepDims: true }));
    const u = add(x, mul(diagonal, mul(signs, norm(x, { axis: 0, keepDims: true }))));
    const unit = div(u, norm(u, { axis: 0, keepDims: true }));
    // T = 2 (I - N)⁻¹ = 2 (I + N)(I + N²)(I + N⁴)..., which ends: N, above the diagonal alone, has the power 0.
    let power = mul(-2, triu(matmul(transpose(unit), unit), 1));
    let inverse = add(eye(short), power);
    for (let done = 2; done < short; done *= 2) {
      power = matmul(power, power);
      inverse = add(inverse, matmul(inverse, power));
    }
    const q = sub(diagonal, mul(2, matmul(unit, matmul(inverse, transpose(slice(unit, [[0, short]]))))));
    // Rounding has left QᵀQ near I: a step of Newton's, Q (3 I - QᵀQ) / 2, squares what it is off (Björck and Bowie 1971).
    const exact = sub(mul(1.5, q), mul(0.5, matmul(q, matmul(transpose(q), q))));
    const result = mul(exact, mul(-gain, signs));
    return reshape(rows < columns ? transpose(result) : result, shape);
  };
