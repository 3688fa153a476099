import { below, convert, type DType, elementAt, exactIntegers, isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkShape, type Shape, showShape } from "../graph/shape.js";
import { type Bernoulli, Tensor } from "../graph/tensor.js";
import { currentTrace } from "../graph/trace.js";
import { nextKey } from "../random/state.js";
import { add, clip, mul, neg, sqrt, sub } from "./arithmetic.js";
import { cast } from "./cast.js";
import { cos, log } from "./elementary.js";
import { argmax, max } from "./reduce.js";
import { topKOfNumbers } from "./sorting.js";

/** In a traced function a fresh draw every run, outside one fixed draw. */
function draw(shape: Shape, bernoulli?: Bernoulli): Tensor {
  checkShape("random", shape);
  const trace = currentTrace();
  const drawn = trace ? { key: undefined, stream: trace.randomStreams++ } : { key: nextKey(), stream: 0 };
  return new Tensor("float32", shape, { kind: "random", bernoulli, ...drawn });
}

/** Throws where a dtype does not hold a number: integers beyond its ends, and what it makes an infinity of. */
function checkHeld(operation: string, value: number, dtype: DType): void {
  const [least, greatest] = exactIntegers(dtype);
  const isHeld = isFloat(dtype)
    ? Number.isFinite(value) && Number.isFinite(Number(elementAt(convert([value], dtype), 0, dtype)))
    : value >= least && value <= greatest;
  check(isHeld, () => `random.${operation}: ${value} is beyond what ${dtype} holds`);
}

function checkRange(low: number, high: number, dtype: DType): void {
  check(low < high, () => `random.uniform: got the range [${low}, ${high}): expected low below high`);
  check(dtype !== "bool", () => "random.uniform: booleans have no range: expected bernoulli in place of it");
  checkHeld("uniform", isFloat(dtype) ? low : Math.trunc(low), dtype);
  checkHeld("uniform", isFloat(dtype) ? high : Math.ceil(high) - 1, dtype);
  if (isFloat(dtype)) {
    checkHeld("uniform", high - low, dtype === "float64" ? dtype : "float32");
    check(below(high, dtype) >= low, () => `random.uniform: ${dtype} holds no number in [${low}, ${high})`);
  }
}

/** A uniform draw brought into a range, and the type in which its values are to be below `high`. Float32 has no fractions, and no odd numbers, above 2^24. */
function spreadOver(x: Tensor, low: number, high: number, dtype: DType): { readonly wide: DType; readonly values: Tensor } {
  const isLarge = !isFloat(dtype) && Math.max(Math.abs(low), Math.abs(high)) > 2 ** 24;
  if (!isLarge && dtype !== "float64") return { wide: isFloat(dtype) ? dtype : "float32", values: add(mul(x, high - low), low) };
  const coarse = cast(x, "float64");
  // A draw has 24 bits.
  const fine = isLarge ? add(coarse, mul(cast(draw(x.shape), "float64"), 2 ** -24)) : coarse;
  return { wide: "float64", values: add(mul(fine, high - low), low) };
}

/** Random tensors. In a traced function each run draws anew; no gradient flows into a draw. */
export const random = {
  /** Uniform in [low, high), which `dtype` holds; integers are cut off towards zero. */
  uniform(shape: Shape, low = 0, high = 1, dtype: DType = "float32"): Tensor {
    checkRange(low, high, dtype);
    const x = draw(shape);
    if (dtype === "float32" && low === 0 && high === 1) return x;
    const { wide, values } = spreadOver(x, low, high, dtype);
    // The sum and the cast round to nearest, which may be `high`.
    return cast(clip(cast(values, wide), Number.NEGATIVE_INFINITY, below(high, wide)), dtype);
  },

  /** Normal, by Box and Muller's transform (1958) of two uniform draws. */
  normal(shape: Shape, mean = 0, deviation = 1, dtype: DType = "float32"): Tensor {
    check(
      Number.isFinite(mean) && deviation >= 0 && deviation < Number.POSITIVE_INFINITY,
      () => `random.normal: got mean ${mean} and deviation ${deviation}, expected numbers, the deviation from 0`,
    );
    const radius = sqrt(mul(-2, log(sub(1, draw(shape)))));
    const x = cast(mul(radius, cos(mul(draw(shape), 2 * Math.PI))), dtype === "float64" ? dtype : "float32");
    return cast(mean === 0 && deviation === 1 ? x : add(mul(x, deviation), mean), dtype);
  },

  /** `value` with the given probability, else 0. */
  bernoulli(shape: Shape, probability = 0.5, dtype: DType = "float32", value = 1): Tensor {
    check(probability >= 0 && probability <= 1, () => `random.bernoulli: probability ${probability}: expected 0 to 1`);
    checkHeld("bernoulli", value, dtype);
    // A draw is of float32.
    if (value === Math.fround(value)) return cast(draw(shape, { probability, value }), dtype);
    return mul(cast(draw(shape, { probability, value: 1 }), dtype), value);
  },

  /** One class index (int32) from each row of `logits` `[..., classes]`, by the Gumbel-max trick (Maddison et al. 2014). */
  categorical(logits: Tensor): Tensor {
    check(logits.rank > 0, () => `random.categorical: logits ${showShape(logits.shape)} have no axis of classes`);
    const uniform = clip(draw(logits.shape), 2 ** -24, 1);
    // In float32 at least: other types would round the noise, integers away.
    const wide = logits.dtype === "float64" ? logits : cast(logits, "float32");
    // Beside large logits the noise would be lost.
    const scores = logits.size === 0 ? wide : sub(wide, max(wide, { axis: -1, keepDims: true }));
    return argmax(add(scores, cast(neg(log(neg(log(uniform)))), scores.dtype)), { axis: -1 });
  },

  /** The numbers 0 to `count - 1` (int32) in random order. */
  permutation(count: number): Tensor {
    return topKOfNumbers(draw([count]), count, { largest: false }).indices;
  },
};
