import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { add, mul } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { tensor } from "../ops/constants.js";
import { sin } from "../ops/elementary.js";
import { unsqueeze } from "../ops/shapes.js";

/**
 * The vectors that tell a Transformer of places: `sin(p / 10000^(2i/size))` in dimension `2i`, the cosine in `2i + 1`
 * (Vaswani et al. 2017, section 3.5).
 * @param positions integers `[...]`
 * @param size of the vectors, even
 * @returns `[..., size]`
 */
export function sinusoidalEncoding(positions: Tensor, size: number): Tensor {
  check(size % 2 === 0, () => `sinusoidalEncoding: size ${size}: expected an even number, for sines and cosines`);
  const frequencies = Float32Array.from({ length: size }, (_, i) => 10000 ** (-(i - (i % 2)) / size));
  // cos x = sin(x + π/2)
  const phases = Float32Array.from({ length: size }, (_, i) => (i % 2) * (Math.PI / 2));
  return sin(add(mul(unsqueeze(cast(positions, "float32"), { axis: -1 }), tensor(frequencies)), tensor(phases)));
}
