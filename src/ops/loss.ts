import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkChoice, checkOptions, type OptionNames } from "../graph/options.js";
import { sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { relu, sigmoid, softplus } from "./activation.js";
import { abs, add, clip, div, maximum, mul, neg, square, sub, where } from "./arithmetic.js";
import { type AxisOptions, checkAxisOptions } from "./axis.js";
import { cast } from "./cast.js";
import { equal } from "./compare.js";
import { checkTensors } from "./constants.js";
import { full } from "./create.js";
import { exp, log, pow } from "./elementary.js";
import { allReduce } from "./exchange.js";
import { checkClasses, gather, scatterAdd, takeAlongAxis } from "./indexing.js";
import { logSoftmax } from "./normalize.js";
import { apply, declare, family } from "./operator.js";
import { mean, norm, sum } from "./reduce.js";
import { squeeze, unsqueeze } from "./shapes.js";

/** Losses whose parts would lose digits or memory apart. */
export const losses = family({
  // (1 - s) (-ln p[target]) + s mean(-ln p), one a row, with p = softmax(x) and the smoothing s; its gradient p - s / classes, less 1 - s at the
  // target, is written without a one-hot of the classes
  CrossEntropy: declare<{ smoothing: number }>({
    infer: ([x, targets]) => ({ dtype: x.dtype, shape: targets.shape }),
    kind: { is: "opaque" },
    gradient: [
      (g, [x, targets], _, { smoothing }) => {
        // The loss itself needs the logarithm: its exponential costs less than a second softmax.
        const [even, places] = [sub(exp(logSoftmax(x)), smoothing / (x.shape.at(-1) as number)), unsqueeze(targets, { axis: -1 })];
        return mul(scatterAdd(even, places, full(places.shape, smoothing - 1, x.dtype)), unsqueeze(g, { axis: -1 }));
      },
      undefined,
    ],
    decompose: ([x, targets], { smoothing }) => {
      const logarithms = logSoftmax(x);
      const picked = squeeze(takeAlongAxis(logarithms, unsqueeze(targets, { axis: -1 })), { axis: -1 });
      return neg(smoothing === 0 ? picked : add(mul(picked, 1 - smoothing), mul(mean(logarithms, { axis: -1 }), smoothing)));
    },
  }),
});

/** How the losses of the elements become one: their mean, their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";

/** Settings that all losses have. */
export interface LossOptions {
  readonly reduction?: Reduction;
}

function combine(x: Tensor, reduction: Reduction = "mean"): Tensor {
  if (reduction === "none") return x;
  return reduction === "sum" ? sum(x) : mean(x);
}

/** Throws unless `options` are those of a loss: `names`, and how it is reduced. */
export function checkLossOptions<Options extends LossOptions>(
  operation: string,
  options: Options,
  names: OptionNames<Omit<Options, "reduction">>,
): void {
  checkOptions<LossOptions>(operation, options, { ...names, reduction: "optional" });
  checkChoice(operation, "reduction", options.reduction, ["mean", "sum", "none"]);
}

/** Predictions and targets of one type of floats: of integers, differences would wrap and fractions be lost. */
function checkPair(operation: string, predicted: Tensor, target: Tensor): readonly [predicted: Tensor, target: Tensor] {
  checkTensors(operation, predicted, target);
  check(
    sameShape(predicted.shape, target.shape),
    () => `${operation}: predictions ${showShape(predicted.shape)} and targets ${showShape(target.shape)} differ in shape`,
  );
  const exact = isFloat(predicted.dtype) ? predicted : cast(predicted, isFloat(target.dtype) ? target.dtype : "float32");
  return [exact, cast(target, exact.dtype)];
}

/** Settings of {@link crossEntropy}. */
export interface CrossEntropyOptions extends LossOptions {
  /** Targets of this value count for nothing. */
  readonly ignoreIndex?: number;
  /** The share of the target's probability that is spread evenly over all classes (Szegedy et al. 2016, section 7). */
  readonly labelSmoothing?: number;
  /** What each class counts, `[classes]`; a mean is then divided by the sum of the weights counted. */
  readonly classWeights?: Tensor;
}

/**
 * The cross entropy of the softmax of `logits` `[..., classes]` and integer `targets` `[...]`, in nats.
 * With every target ignored the mean is 0.
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkTensors("crossEntropy", logits, targets);
  const names = { ignoreIndex: "optional", labelSmoothing: "optional", classWeights: "optional" } as const;
  checkLossOptions("crossEntropy", options, names);
  if (!isFloat(logits.dtype)) return crossEntropy(cast(logits, "float32"), targets, options);
  const { reduction = "mean", ignoreIndex, labelSmoothing = 0, classWeights } = options;
  check(
    sameShape(logits.shape.slice(0, -1), targets.shape) && !isFloat(targets.dtype),
    () =>
      `crossEntropy: logits ${showShape(logits.shape)} need integer targets ${showShape(logits.shape.slice(0, -1))}, got ${targets.dtype}${showShape(targets.shape)}`,
  );
  check(labelSmoothing >= 0 && labelSmoothing <= 1, () => `crossEntropy: labelSmoothing ${labelSmoothing}: expected 0 to 1`);
  const classes = logits.shape.at(-1) as number;
  check(
    classWeights === undefined || sameShape(classWeights.shape, [classes]),
    () => `crossEntropy: classWeights ${showShape(classWeights?.shape ?? [])}: expected [${classes}]`,
  );
  const ignored = ignoreIndex === undefined ? undefined : equal(targets, ignoreIndex);
  const safe = checkClasses("crossEntropy", ignored ? where(ignored, 0, targets) : targets, classes);
  const count = ignored && where(ignored, 0, cast(equal(safe, safe), logits.dtype));
  const picked = classWeights && gather(classWeights, safe);
  const weight = picked && count ? mul(picked, count) : (picked ?? count);

  let loss = apply(losses.CrossEntropy, [logits, safe], { smoothing: classWeights ? 0 : labelSmoothing });
  // What is ignored may be infinite, and infinity times 0 is no number.
  const counted = (x: Tensor) => (ignored ? where(ignored, 0, x) : x);
  loss = counted(loss);
  if (weight) loss = mul(loss, weight);
  if (classWeights && labelSmoothing > 0) {
    const even = mean(mul(neg(logSoftmax(logits)), classWeights), { axis: -1 });
    loss = add(mul(loss, 1 - labelSmoothing), mul(counted(even), labelSmoothing));
  }
  if (reduction !== "mean" || !weight) return combine(loss, reduction);
  const total = allReduce(sum(weight));
  return div(sum(loss), where(equal(total, 0), 1, total));
}

/** The cross entropy of `σ(logits)` and `targets` in [0, 1], element by element, without overflow: `ln(1 + eˣ) - x t`. */
export function binaryCrossEntropy(logits: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  checkLossOptions("binaryCrossEntropy", options, {});
  const [x, t] = checkPair("binaryCrossEntropy", logits, targets);
  return combine(sub(softplus(x), mul(x, t)), options.reduction);
}

/** `(predicted - target)²`. */
export function meanSquaredError(predicted: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkLossOptions("meanSquaredError", options, {});
  return combine(square(sub(...checkPair("meanSquaredError", predicted, target))), options.reduction);
}

/** `d²/2` where the distance `d` is at most `delta`, `delta (d - delta/2)` beyond (Huber 1964). */
export function huber(predicted: Tensor, target: Tensor, options: LossOptions & { readonly delta?: number } = {}): Tensor {
  checkLossOptions("huber", options, { delta: "optional" });
  const { delta = 1, reduction = "mean" } = options;
  check(delta > 0, () => `huber: delta ${delta}: expected a number above 0`);
  const distance = abs(sub(...checkPair("huber", predicted, target)));
  return combine(mul(bent(distance, delta), delta), reduction);
}

/** `|predicted - target|`: the L1 loss. */
export function meanAbsoluteError(predicted: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkLossOptions("meanAbsoluteError", options, {});
  return combine(abs(sub(...checkPair("meanAbsoluteError", predicted, target))), options.reduction);
}

/** `d²/2β` where the distance `d` is below `beta`, `d - β/2` beyond (Girshick 2015, Fast R-CNN, equation 3, with β = 1). */
export function smoothL1(predicted: Tensor, target: Tensor, options: LossOptions & { readonly beta?: number } = {}): Tensor {
  checkLossOptions("smoothL1", options, { beta: "optional" });
  const { beta = 1, reduction = "mean" } = options;
  check(beta > 0, () => `smoothL1: beta ${beta}: expected a number above 0, or use meanAbsoluteError`);
  const distance = abs(sub(...checkPair("smoothL1", predicted, target)));
  return combine(bent(distance, beta), reduction);
}

/** `d²/2b` of a distance `d` up to `b`, `d - b/2` beyond: both of one form, so that an infinite distance has a gradient. */
function bent(distance: Tensor, border: number): Tensor {
  const near = clip(distance, 0, border);
  return add(mul(square(near), 0.5 / border), sub(distance, near));
}

/**
 * {@link binaryCrossEntropy} in which what is predicted well counts less: `-αₜ (1 - pₜ)^γ ln pₜ`, where `pₜ` is the probability given to the
 * target (Lin et al. 2017, Focal loss for dense object detection, equation 5).
 * @param options.alpha what targets of 1 count, by default 0.25; those of 0 count 1 - alpha. Null: both count 1
 */
export function focalLoss(
  logits: Tensor,
  targets: Tensor,
  options: LossOptions & { readonly alpha?: number | null; readonly gamma?: number } = {},
): Tensor {
  checkLossOptions("focalLoss", options, { alpha: "optional", gamma: "optional" });
  const { alpha = 0.25, gamma = 2, reduction = "mean" } = options;
  check(
    (alpha === null || (alpha >= 0 && alpha <= 1)) && gamma >= 0,
    () => `focalLoss: alpha ${alpha}, gamma ${gamma}: expected 0 to 1, and a number from 0`,
  );
  const [x, t] = checkPair("focalLoss", logits, targets);
  // ln pₜ is minus the cross entropy, so 1 - pₜ is σ(x) for a target of 0 and σ(-x) for one of 1.
  const missed = add(mul(sigmoid(x), sub(1, t)), mul(sigmoid(neg(x)), t));
  const focus = pow(missed, gamma);
  const weight = alpha === null ? focus : mul(focus, add(mul(t, 2 * alpha - 1), 1 - alpha));
  return combine(mul(weight, binaryCrossEntropy(x, t, { reduction: "none" })), reduction);
}

/**
 * `max(|a - p| - |a - n| + margin, 0)`: an anchor shall lie nearer to the positive than to the negative (Schroff et al. 2015, FaceNet). The
 * distances are Euclidean, over the last axis, with `epsilon` added to every difference, as PyTorch's.
 * @param anchor `[..., width]`, as the two others; the result is one loss for each vector, reduced
 */
export function tripletLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: LossOptions & { readonly margin?: number; readonly epsilon?: number } = {},
): Tensor {
  checkLossOptions("tripletLoss", options, { margin: "optional", epsilon: "optional" });
  const { margin = 1, epsilon = 1e-6, reduction = "mean" } = options;
  const distance = (other: Tensor) => norm(add(sub(...checkPair("tripletLoss", anchor, other)), epsilon), { axis: -1 });
  return combine(relu(add(sub(distance(positive), distance(negative)), margin)), reduction);
}

/**
 * `Σ t (ln t - x)`, the divergence of the distribution whose logarithm is `logPredicted` from `target`, over the last axis.
 * The mean is over the distributions (PyTorch's `batchmean`).
 */
export function klDivergence(logPredicted: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkLossOptions("klDivergence", options, {});
  const [x, t] = checkPair("klDivergence", logPredicted, target);
  const zero = equal(t, 0);
  return combine(sum(mul(t, sub(log(where(zero, 1, t)), x)), { axis: -1 }), options.reduction);
}

/** The cosine of the angle between vectors along `axis`: `a b / max(|a| |b|, epsilon)`. */
export function cosineSimilarity(a: Tensor, b: Tensor, options: AxisOptions & { readonly epsilon?: number } = {}): Tensor {
  checkAxisOptions("cosineSimilarity", options, { axis: "optional", epsilon: "optional" });
  checkTensors("cosineSimilarity", a, b);
  const { axis = -1, epsilon = 1e-8 } = options;
  // In half precision the products would overflow, and epsilon vanish.
  if (!isFloat(a.dtype)) return cosineSimilarity(cast(a, "float32"), b, options);
  if (!isFloat(b.dtype)) return cosineSimilarity(a, cast(b, a.dtype), options);
  if (a.dtype === "float16") return cast(cosineSimilarity(cast(a, "float32"), cast(b, "float32"), { axis, epsilon }), "float16");
  return div(sum(mul(a, b), { axis }), maximum(mul(norm(a, { axis }), norm(b, { axis })), epsilon));
}

/** The faces that tensors have as methods too. */
export const lossMethods = {
  crossEntropy,
  binaryCrossEntropy,
  meanSquaredError,
  meanAbsoluteError,
  huber,
  smoothL1,
  focalLoss,
  tripletLoss,
  klDivergence,
  cosineSimilarity,
};
