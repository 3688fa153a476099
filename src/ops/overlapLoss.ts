import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { sameShape, showShape, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add, div, maximum, mul, sub, where } from "./arithmetic.js";
import { cast } from "./cast.js";
import { equal, greater } from "./compare.js";
import { checkTensors } from "./constants.js";
import { allReduce } from "./exchange.js";
import { checkClasses, oneHot, takeAlongAxis } from "./indexing.js";
import { softmax } from "./normalize.js";
import { cumulativeSum, mean, sum } from "./reduce.js";
import { reshape, transpose } from "./shapes.js";
import { padWith, slice } from "./slicing.js";
import { sort } from "./sorting.js";

/** Settings of {@link lovaszSoftmax}. */
export interface OverlapLossOptions {
  /** Targets of this value count for nothing. */
  readonly ignoreIndex?: number;
}

/** Settings of {@link diceLoss}. */
export interface DiceLossOptions extends OverlapLossOptions {
  /** What is added above and below the line of the fraction, by default 1: a class that is neither there nor predicted has no loss. */
  readonly smooth?: number;
}

/** Probabilities and targets as rows of classes `[places, classes]`; both are 0 in rows that count for nothing. */
function rowsOf(operation: string, logits: Tensor, targets: Tensor, ignoreIndex: number | undefined) {
  checkTensors(operation, logits, targets);
  const expected = logits.shape.slice(0, -1);
  check(
    logits.rank > 0 && isFloat(logits.dtype) && sameShape(expected, targets.shape) && !isFloat(targets.dtype),
    () =>
      `${operation}: ${logits.dtype}${showShape(logits.shape)} and ${targets.dtype}${showShape(targets.shape)}: expected float logits ` +
      "[..., classes] and one integer target for each row",
  );
  const classes = logits.shape.at(-1) as number;
  const shape = [sizeOf(expected), classes];
  const ignored = ignoreIndex === undefined ? undefined : equal(targets, ignoreIndex);
  const safe = checkClasses(operation, ignored ? where(ignored, 0, targets) : targets, classes);
  const counted = ignored && reshape(ignored, [shape[0] as number, 1]);
  const only = (rows: Tensor): Tensor => (counted ? where(counted, 0, rows) : rows);
  // In half precision sums over places would lose them.
  const rows = reshape(logits.dtype === "float16" ? cast(logits, "float32") : logits, shape);
  return { probabilities: only(softmax(rows)), truth: only(oneHot(reshape(safe, [shape[0] as number]), classes, rows.dtype)) };
}

/**
 * One less the overlap of what is predicted with what is there, `(2 Σ p t + s) / (Σ p + Σ t + s)` with the softmax `p` and the smoothing `s`, as a mean
 * over the classes: the loss of Milletari et al. 2016 (V-Net, section 3) without its squares. The sums are over all places of the batch.
 * @param logits `[..., classes]`
 * @param targets class indices `[...]`
 * @throws KasaneError where the shapes do not fit, and in a run where a target is no class
 */
export function diceLoss(logits: Tensor, targets: Tensor, options: DiceLossOptions = {}): Tensor {
  checkOptions<DiceLossOptions>("diceLoss", options, { ignoreIndex: "optional", smooth: "optional" });
  const { ignoreIndex, smooth = 1 } = options;
  check(smooth >= 0 && Number.isFinite(smooth), () => `diceLoss: smooth ${smooth}: expected a number from 0`);
  const { probabilities, truth } = rowsOf("diceLoss", logits, targets, ignoreIndex);
  const both = allReduce(sum(mul(probabilities, truth), { axis: 0 }));
  const each = allReduce(sum(add(probabilities, truth), { axis: 0 }));
  return cast(mean(sub(1, div(add(mul(both, 2), smooth), add(each, smooth)))), logits.dtype);
}

/**
 * The Lovász extension of one less intersection over union, as a mean over the classes that occur among the targets (Berman, Triki and Blaschko 2018,
 * The Lovász-softmax loss, equation 9 and algorithm 1). All places of the batch are one image. It sorts the errors of each class, so that it is
 * exact, but slow on large images.
 * @param logits `[..., classes]`
 * @param targets class indices `[...]`
 * @throws KasaneError where the shapes do not fit, and in a run where a target is no class
 */
export function lovaszSoftmax(logits: Tensor, targets: Tensor, options: OverlapLossOptions = {}): Tensor {
  checkOptions<OverlapLossOptions>("lovaszSoftmax", options, { ignoreIndex: "optional" });
  const { probabilities, truth } = rowsOf("lovaszSoftmax", logits, targets, options.ignoreIndex);
  const byClass = { probabilities: transpose(probabilities), truth: transpose(truth) };
  // Where the target is the class, what its probability lacks; elsewhere, and where nothing counts, its probability.
  const errors = where(greater(byClass.truth, 0), sub(1, byClass.probabilities), byClass.probabilities);
  const { values, indices } = sort(errors, { descending: true });
  const found = takeAlongAxis(byClass.truth, indices);
  const present = sum(found, { axis: 1, keepDims: true });
  const [passed, wrong] = [cumulativeSum(found), cumulativeSum(sub(1, found))];
  // The Jaccard loss of the places so far; of a class that does not occur it is not used.
  const jaccard = sub(1, div(sub(present, passed), where(equal(present, 0), 1, add(present, wrong))));
  const before = slice(
    padWith(jaccard, [
      [0, 0],
      [1, 0],
    ]),
    [[], [0, jaccard.shape[1] as number]],
  );
  const occurs = cast(greater(present, 0), errors.dtype);
  const loss = div(sum(mul(mul(values, sub(jaccard, before)), occurs)), maximum(sum(occurs), 1));
  return cast(loss, logits.dtype);
}
