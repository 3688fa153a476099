import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkOptions } from "../graph/options.js";
import { sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { clip, neg } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { equal } from "../ops/compare.js";
import { exp, log } from "../ops/elementary.js";
import { checkClasses, takeAlongAxis } from "../ops/indexing.js";
import { any, argmax, mean } from "../ops/reduce.js";
import { unsqueeze } from "../ops/shapes.js";
import { topK } from "../ops/sorting.js";

/** Means of named figures that come one after the other, such as the losses of steps. */
export class RunningMeans {
  private readonly entries = new Map<string, { sum: number; weight: number }>();

  /** Adds one value of each figure; `weight` is the number of examples that each value is the mean of. */
  add(figures: Readonly<Record<string, number>>, weight = 1): void {
    checkNumbers("RunningMeans", { weight });
    for (const [name, value] of Object.entries(figures)) {
      const entry = this.entries.get(name) ?? { sum: 0, weight: 0 };
      entry.sum += value * weight;
      entry.weight += weight;
      this.entries.set(name, entry);
    }
  }

  /** The number of figures. */
  get size(): number {
    return this.entries.size;
  }

  /** The means of what was added. */
  values(): Record<string, number> {
    return Object.fromEntries([...this.entries].map(([name, { sum, weight }]) => [name, sum / weight]));
  }

  /** The means; then all figures are removed. */
  take(): Record<string, number> {
    const values = this.values();
    this.entries.clear();
    return values;
  }

  /** What {@link restore} takes. */
  sums(): Record<string, [sum: number, weight: number]> {
    return Object.fromEntries([...this.entries].map(([name, { sum, weight }]) => [name, [sum, weight]]));
  }

  /** Goes on from kept {@link sums}. */
  restore(sums: Readonly<Record<string, readonly [sum: number, weight: number]>>): void {
    for (const [name, [sum, weight]] of Object.entries(sums)) this.entries.set(name, { sum, weight });
  }
}

/** Throws unless there is one target for each row of `[..., classes]`, and it is no fraction. */
function checkTargets(operation: string, what: string, rows: Tensor, targets: Tensor): void {
  const expected = rows.shape.slice(0, -1);
  check(
    sameShape(expected, targets.shape),
    () => `${operation}: targets ${showShape(targets.shape)} for ${what} ${showShape(rows.shape)}, expected ${showShape(expected)}`,
  );
  check(!isFloat(targets.dtype), () => `${operation}: targets are ${targets.dtype}: expected class indices, such as int32`);
}

/**
 * The share of rows whose largest logit is the target's, a scalar.
 * @param logits `[..., classes]`
 * @param targets class indices `[...]`
 */
export function accuracy(logits: Tensor, targets: Tensor): Tensor {
  const predicted = argmax(logits, { axis: -1 });
  checkTargets("accuracy", "logits", logits, targets);
  return mean(cast(equal(predicted, checkClasses("accuracy", targets, logits.shape.at(-1) as number)), "float32"));
}

/**
 * The share of rows in which the target is among the `k` largest logits, a scalar. Of equal logits the first count as larger.
 * @param logits `[..., classes]`
 * @param targets class indices `[...]`
 */
export function topKAccuracy(logits: Tensor, targets: Tensor, k: number): Tensor {
  checkTargets("topKAccuracy", "logits", logits, targets);
  const classes = checkClasses("topKAccuracy", targets, logits.shape.at(-1) as number);
  const found = equal(topK(logits, k).indices, unsqueeze(classes, { axis: -1 }));
  return mean(cast(any(found, { axis: -1 }), "float32"));
}

/**
 * The mean of `-ln` of the probability that each row gives its target, in nats, a scalar. Probabilities are held above `epsilon`, as in
 * scikit-learn, so that one row cannot make it infinite.
 * @param probabilities `[..., classes]`
 * @param targets class indices `[...]`
 */
export function logLoss(probabilities: Tensor, targets: Tensor, epsilon = 2 ** -23): Tensor {
  checkTargets("logLoss", "probabilities", probabilities, targets);
  const classes = checkClasses("logLoss", targets, probabilities.shape.at(-1) as number);
  const picked = takeAlongAxis(probabilities, unsqueeze(classes, { axis: -1 }), { axis: -1 });
  return neg(mean(log(clip(picked, epsilon, 1))));
}

/** e^loss of a mean cross-entropy in nats: among how many equally likely classes the model hesitates. */
export const perplexity = (crossEntropy: Tensor): Tensor => exp(crossEntropy);

/** What a {@link Confusion} leaves out. */
export interface ConfusionOptions {
  /** Examples with this target are not counted, such as the void pixels of a segmented image (255 in Pascal VOC). */
  readonly ignore?: number;
}

/** Counts which class was predicted for which, and what follows from that. */
export class Confusion {
  /** `counts[target * classes + predicted]`. */
  readonly counts: Float64Array;

  private readonly ignore: number | undefined;

  /** @param classes how many there are */
  constructor(
    readonly classes: number,
    options: ConfusionOptions = {},
  ) {
    checkOptions<ConfusionOptions>("Confusion", options, { ignore: "optional" });
    check(Number.isInteger(classes) && classes > 0, () => `Confusion: ${classes} classes, expected an integer from 1`);
    this.ignore = options.ignore;
    this.counts = new Float64Array(classes * classes);
  }

  /**
   * Adds predictions.
   * @param predicted class indices
   * @param targets as many true ones
   */
  add(predicted: ArrayLike<number | bigint>, targets: ArrayLike<number | bigint>): void {
    const { classes } = this;
    check(predicted.length === targets.length, () => `Confusion: ${predicted.length} predictions for ${targets.length} targets`);
    for (let i = 0; i < targets.length; i++) {
      const [target, guess] = [Number(targets[i]), Number(predicted[i])];
      if (target === this.ignore) continue;
      this.counts[target * classes + guess] = this.count(target, guess) + 1;
    }
  }

  /** How many examples of class `target` were taken for class `predicted`. */
  count(target: number, predicted: number): number {
    for (const index of [target, predicted]) {
      const isClass = Number.isInteger(index) && index >= 0 && index < this.classes;
      check(isClass, () => `Confusion: class ${index}, expected 0 to ${this.classes - 1}`);
    }
    return this.counts[target * this.classes + predicted] as number;
  }

  /** The share of all examples whose class was predicted. */
  accuracy(): number {
    return ratio(sum(this.all((c) => this.count(c, c))), sum(this.counts));
  }

  /** Of the examples taken for class `c`, the share that are of it; 0 where there are none. */
  precision(c: number): number {
    return ratio(this.count(c, c), sum(this.all((target) => this.count(target, c))));
  }

  /** Of the examples of class `c`, the share taken for it; 0 where there are none. */
  recall(c: number): number {
    return ratio(this.count(c, c), sum(this.all((predicted) => this.count(c, predicted))));
  }

  /**
   * The harmonic mean of precision and recall of class `c`; without one, the mean over the classes that occur, as targets or as predictions (macro F1),
   * as scikit-learn has it.
   */
  f1(c?: number): number {
    if (c === undefined) return this.meanOver((each) => this.f1(each));
    const [precision, recall] = [this.precision(c), this.recall(c)];
    return ratio(2 * precision * recall, precision + recall);
  }

  /** Intersection over union of class `c`: of the examples that are of it or were taken for it, the share that both holds for; 0 where there are none. */
  iou(c: number): number {
    return ratio(this.count(c, c), this.eitherWay(c));
  }

  /** The mean of {@link iou} over the classes that occur, as targets or as predictions; 0 where none does. */
  meanIou(): number {
    return this.meanOver((c) => this.iou(c));
  }

  private meanOver(value: (c: number) => number): number {
    const there = this.all((c) => c).filter((c) => this.eitherWay(c) > 0);
    return ratio(sum(there.map(value)), there.length);
  }

  /** How many examples are of class `c` or were taken for it. */
  private eitherWay(c: number): number {
    return sum(this.all((other) => this.count(c, other) + this.count(other, c))) - this.count(c, c);
  }

  private all(value: (c: number) => number): number[] {
    return Array.from({ length: this.classes }, (_, c) => value(c));
  }
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};
