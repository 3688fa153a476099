import { below, type DType, isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkShape, type Shape, showShape } from "../graph/shape.js";
import { type Bernoulli, Tensor } from "../graph/tensor.js";
import { currentTrace } from "../graph/trace.js";
import { nextKey } from "../random/state.js";
import { add, clip, mul, neg, sqrt, sub } from "./arithmetic.js";
import { cast } from "./cast.js";
import { cos, log } from "./elementary.js";
import { argmax } from "./reduce.js";
import { topKOfNumbers } from "./sorting.js";

/** In a traced function a fresh draw every run, outside one fixed draw. */
function draw(shape: Shape, bernoulli?: Bernoulli): Tensor {
  checkShape("random", shape);
  const trace = currentTrace();
  const drawn = trace ? { key: undefined, stream: trace.randomStreams++ } : { key: nextKey(), stream: 0 };
  return new Tensor("float32", shape, { kind: "random", bernoulli, ...drawn });
}

/** Random tensors. In a traced function each run draws anew; no gradient flows into a draw. */
export const random = {
  /** Uniform in [low, high); integers are cut off towards zero. */
  uniform(shape: Shape, low = 0, high = 1, dtype: DType = "float32"): Tensor {
    check(low < high, () => `random.uniform: got the range [${low}, ${high}): expected low below high`);
    const x = draw(shape);
    if (dtype === "float32" && low === 0 && high === 1) return x;
    const precise = dtype === "float64" ? cast(x, "float64") : x;
    const spread = cast(add(mul(precise, high - low), low), isFloat(dtype) ? dtype : "float32");
    // The sum and the cast round to nearest, which may be `high`.
    return cast(clip(spread, Number.NEGATIVE_INFINITY, below(high, spread.dtype)), dtype);
  },

  /** Normal, by Box and Muller's transform (1958) of two uniform draws. */
  normal(shape: Shape, mean = 0, deviation = 1, dtype: DType = "float32"): Tensor {
    const radius = sqrt(mul(-2, log(sub(1, draw(shape)))));
    const x = mul(radius, cos(mul(draw(shape), 2 * Math.PI)));
    return cast(mean === 0 && deviation === 1 ? x : add(mul(x, deviation), mean), dtype);
  },

  /** `value` with the given probability, else 0. */
  bernoulli(shape: Shape, probability = 0.5, dtype: DType = "float32", value = 1): Tensor {
    check(probability >= 0 && probability <= 1, () => `random.bernoulli: probability ${probability}: expected 0 to 1`);
    return cast(draw(shape, { probability, value }), dtype);
  },

  /** One class index (int32) from each row of `logits` `[..., classes]`, by the Gumbel-max trick (Maddison et al. 2014). */
  categorical(logits: Tensor): Tensor {
    check(logits.rank > 0, () => `random.categorical: logits ${showShape(logits.shape)} have no axis of classes`);
    const uniform = clip(draw(logits.shape), 2 ** -24, 1);
    // In float32 at least: other types would round the noise, integers away.
    const scores = logits.dtype === "float64" ? logits : cast(logits, "float32");
    return argmax(add(scores, cast(neg(log(neg(log(uniform)))), scores.dtype)), { axis: -1 });
  },

  /** The numbers 0 to `count - 1` (int32) in random order. */
  permutation(count: number): Tensor {
    return topKOfNumbers(draw([count]), count, { largest: false }).indices;
  },
};
