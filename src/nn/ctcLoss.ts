import { scan } from "../autodiff/scan.js";
import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import { hostData, type Tensor } from "../graph/tensor.js";
import { add, div, maximum, neg, sub, where } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { equal, less, lessEqual, notEqual } from "../ops/compare.js";
import { arange, full } from "../ops/create.js";
import { checkClasses, takeAlongAxis } from "../ops/indexing.js";
import { logicalAnd } from "../ops/logic.js";
import { checkLossOptions, type Reduction } from "../ops/loss.js";
import { logSoftmax } from "../ops/normalize.js";
import { logSumExp, mean, sum } from "../ops/reduce.js";
import { expand, reshape, unsqueeze } from "../ops/shapes.js";
import { padWith, slice, stack } from "../ops/slicing.js";
import { checkLengths } from "./lengths.js";

/** Settings of {@link ctcLoss}. */
export interface CtcLossOptions {
  /** The class that stands for no label; by default 0. */
  readonly blank?: number;
  /** How many steps of each row count, int32 `[batch]`; by default all. */
  readonly logitLengths?: Tensor;
  /** How many labels of each row count, int32 `[batch]`; by default all. */
  readonly targetLengths?: Tensor;
  /** By default `"mean"`: each row's loss is divided by its number of labels, then they are averaged. */
  readonly reduction?: Reduction;
}

/** Stands for the logarithm of 0: sums of exponentials of it are exactly 0, and no difference of it is NaN. */
const impossible = -1e30;

/**
 * Connectionist temporal classification: `-ln` of the probability of a label sequence, summed over all its alignments with the steps (Graves
 * et al. 2006, equations 6 to 8, in logarithms). Where the labels do not fit into the steps, the loss is above 1e29 and has no gradient worth using.
 * @param logits `[time, batch, classes]`
 * @param targets int32 class indices `[batch, labels]`, none the blank; what lies beyond a row's length does not count
 * @throws KasaneError where lengths or labels at hand are out of range; a run of other lengths that are ends with an error
 */
export function ctcLoss(logits: Tensor, targets: Tensor, options: CtcLossOptions = {}): Tensor {
  const names = { blank: "optional", logitLengths: "optional", targetLengths: "optional" } as const;
  checkLossOptions<CtcLossOptions>("ctcLoss", options, names);
  const { blank = 0, logitLengths, targetLengths, reduction = "mean" } = options;
  const [time, batch, classes] = logits.shape as [number, number, number];
  const labels = targets.shape[1] as number;
  check(
    logits.rank === 3 &&
      isFloat(logits.dtype) &&
      targets.rank === 2 &&
      !isFloat(targets.dtype) &&
      targets.shape[0] === batch &&
      time > 0 &&
      labels > 0,
    () =>
      `ctcLoss: got logits ${logits.dtype}${showShape(logits.shape)} and targets ${showShape(targets.shape)}, ` +
      "expected floats [time, batch, classes] and integers [batch, labels]",
  );
  check(Number.isInteger(blank) && blank >= 0 && blank < classes, () => `ctcLoss: blank ${blank}: expected 0 to ${classes - 1}`);
  const lengthsOf = (name: string, given: Tensor | undefined, least: number, most: number) =>
    given ? checkLengths(`ctcLoss: ${name}`, given, batch, [least, most]) : full([batch], most, "int32");
  const counts = lengthsOf("targetLengths", targetLengths, 0, labels);
  const steps = lengthsOf("logitLengths", logitLengths, 1, time);
  const known = targetLengths && hostData(targetLengths);
  hostData(targets)?.forEach((label, i) => {
    const [row, value] = [Math.floor(i / labels), Number(label)];
    const isCounted = targetLengths === undefined || i % labels < Number(known?.[row] ?? 0);
    check(
      !isCounted || (value >= 0 && value < classes && value !== blank),
      () => `ctcLoss: label ${label} of sequence ${row}: expected 0 to ${classes - 1} but the blank, ${blank}`,
    );
  });

  // The labels with blanks before, between and behind: [batch, states], states = 2 labels + 1. Two labels in a row may follow each other
  // without a blank where they differ.
  const states = 2 * labels + 1;
  const given = cast(targets, "int32");
  const isLabel = less(arange(labels), unsqueeze(counts, { axis: 1 }));
  // What is behind the labels counts for nothing; a blank among them is refused as no class is.
  const ids = checkClasses("ctcLoss", where(isLabel, where(equal(given, blank), classes, given), blank), classes);
  const blanks = full([batch, labels], blank, "int32");
  const interleaved = reshape(stack([blanks, ids], { axis: 2 }), [batch, 2 * labels]);
  const extended = padWith(
    interleaved,
    [
      [0, 0],
      [0, 1],
    ],
    blank,
  );
  const place = arange(states);
  const twoBefore = shifted(extended, 2, blank);
  const skips = logicalAnd(notEqual(extended, blank), notEqual(extended, twoBefore));
  const emitted = takeAlongAxis(logSoftmax(logits, { axis: 2 }), expand(unsqueeze(extended, { axis: 0 }), [time, batch, states]), {
    axis: 2,
  });

  const [first, rest] = [reshape(slice(emitted, [[0, 1]]), [batch, states]), slice(emitted, [[1]])];
  const start = where(less(place, 2), first, impossible);
  const { carry } = scan(
    (alpha, { emission, step }) => {
      const oneBack = shifted(alpha, 1, impossible);
      const twoBack = where(skips, shifted(alpha, 2, impossible), impossible);
      const reached = add(logSumExp(stack([alpha, oneBack, twoBack]), { axis: 0 }), emission);
      // Rows that have ended keep what they had.
      return { carry: where(less(step, unsqueeze(steps, { axis: 1 })), reached, alpha), outputs: [] };
    },
    start,
    { emission: rest, step: arange(1, time) },
  );
  // The last label, or the blank behind it.
  const ends = unsqueeze(cast(add(counts, counts), "int32"), { axis: 1 });
  const isEnd = logicalAnd(lessEqual(place, ends), lessEqual(sub(ends, 1), place));
  const loss = neg(logSumExp(where(isEnd, carry, impossible), { axis: 1 }));
  if (reduction === "none") return loss;
  return reduction === "sum" ? sum(loss) : mean(div(loss, cast(maximum(counts, 1), logits.dtype)));
}

/** The values `by` places further along the last axis of a matrix; what comes in is `value`. */
const shifted = (x: Tensor, by: number, value: number): Tensor =>
  slice(
    padWith(
      x,
      [
        [0, 0],
        [by, 0],
      ],
      value,
    ),
    [[], [0, x.shape[1]]],
  );
