import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { add, div, floor, minimum, mul, rsqrt, sub, where } from "../ops/arithmetic.js";
import { less } from "../ops/compare.js";
import { scalar } from "../ops/constants.js";
import { cos, exp } from "../ops/elementary.js";

/**
 * A learning rate as it follows from the number of updates made before: a float32 scalar to a float32 scalar.
 * It is traced into the graph of the step. Any function of this type will do: `(step) => mul(cosine(0.1, 1000)(step), 0.5)`.
 */
export type Schedule = (step: Tensor) => Tensor;

/** Always `rate`. */
export function constant(rate: number): Schedule {
  checkNumbers("constant", { rate });
  return () => scalar(rate, "float32");
}

/** `rate factor^⌊step / every⌋`: a drop every so many updates; an exponential decay where `every` is 1. */
export function stepDecay(rate: number, every: number, factor: number): Schedule {
  check(factor > 0, () => `stepDecay: factor ${factor}: expected a positive number, such as 0.5`);
  checkPiece("stepDecay", { rate }, { every });
  // By the exponential: a power of the factor as float32 would lose digits with every step.
  return (step) => mul(rate, exp(mul(floor(div(step, every)), Math.log(factor))));
}

/**
 * Half a cosine from `rate` down to `final` in `steps` updates, `final` thereafter:
 * `final + (rate - final) (1 + cos(π step / steps)) / 2` (Loshchilov and Hutter 2016, SGDR, equation 5).
 */
export function cosine(rate: number, steps: number, final = 0): Schedule {
  checkPiece("cosine", { rate, final }, { steps });
  return (step) => add(final, mul((rate - final) / 2, add(1, cos(mul(Math.PI, minimum(div(step, steps), 1))))));
}

/** A straight line from `rate` down to `final` in `steps` updates, `final` thereafter. */
export function linear(rate: number, steps: number, final = 0): Schedule {
  checkPiece("linear", { rate, final }, { steps });
  return (step) => add(rate, mul(final - rate, minimum(div(step, steps), 1)));
}

/**
 * `rate min((step + 1) / warmUp, √(warmUp / (step + 1)))`: a linear rise, then the inverse square root;
 * `rate` is reached at the top (Vaswani et al. 2017, equation 3, whose top is 1 / √(size warmUp)).
 */
export function inverseSquareRoot(rate: number, warmUp: number): Schedule {
  checkPiece("inverseSquareRoot", { rate }, { warmUp });
  return (step) => {
    const ratio = div(add(step, 1), warmUp);
    return mul(rate, minimum(ratio, rsqrt(ratio)));
  };
}

/** Settings of {@link oneCycle}. */
export interface OneCycleOptions {
  /** The share of the updates in which the rate rises; by default 0.3. */
  readonly rise?: number;
  /** The first rate is `rate` divided by this; by default 25. */
  readonly startDivisor?: number;
  /** The last rate is the first one divided by this; by default 10,000. */
  readonly endDivisor?: number;
}

/**
 * Half a cosine up to `rate`, then one down to almost nothing, in `steps` updates (Smith and Topin 2017, Super-convergence; with PyTorch's
 * defaults). After them the last rate stays.
 */
export function oneCycle(rate: number, steps: number, options: OneCycleOptions = {}): Schedule {
  checkOptions<OneCycleOptions>("oneCycle", options, { rise: "optional", startDivisor: "optional", endDivisor: "optional" });
  const { rise = 0.3, startDivisor = 25, endDivisor = 10_000 } = options;
  checkPiece("oneCycle", { rate }, { steps, startDivisor, endDivisor });
  const [top, end] = [rise * steps - 1, steps - 1];
  check(top > 0 && end > top, () => `oneCycle: ${steps} updates with a rise of ${rise} of them: expected two updates or more in each part`);
  const [first, last] = [rate / startDivisor, rate / startDivisor / endDivisor];
  const between = (from: number, to: number, part: Tensor) => add(to, mul((from - to) / 2, add(1, cos(mul(Math.PI, part)))));
  return (step) =>
    where(less(step, top), between(first, rate, div(step, top)), between(rate, last, div(sub(minimum(step, end), top), end - top)));
}

/**
 * One schedule after another: each piece from its first step on, counting its own steps from there.
 * @param pieces `[first step, rate or schedule]`, the first from step 0, in ascending order
 */
export function piecewise(pieces: readonly (readonly [from: number, rate: number | Schedule])[]): Schedule {
  const starts = pieces.map(([from]) => from);
  check(
    starts[0] === 0 && starts.every((from, i) => i === 0 || from > (starts[i - 1] as number)),
    () => `piecewise: the pieces start at [${starts.join(", ")}]: expected 0 first, then ascending steps`,
  );
  const rates = pieces.map(
    ([from, rate]) =>
      (step: Tensor) =>
        scheduleOf(rate)(sub(step, from)),
  );
  return (step) =>
    rates.reduceRight<Tensor | undefined>(
      (later, rate, i) => (later ? where(less(step, starts[i + 1] as number), rate(step), later) : rate(step)),
      undefined,
    ) as Tensor;
}

/** A linear rise in `steps` updates to the rate with which `after` starts, which then counts from there. */
export function warmUp(steps: number, after: number | Schedule): Schedule {
  check(Number.isInteger(steps) && steps > 0, () => `warmUp: steps ${steps}: expected an integer from 1`);
  return piecewise([
    [0, (step) => mul(scheduleOf(after)(scalar(0, "float32")), div(add(step, 1), steps))],
    [steps, after],
  ]);
}

/** Throws unless rates are from 0 on, and what they are spread over is above 0. */
function checkPiece(owner: string, rates: Readonly<Record<string, number>>, spans: Readonly<Record<string, number>>): void {
  checkNumbers(owner, { ...rates, ...spans });
  for (const [name, value] of Object.entries(spans)) check(value > 0, () => `${owner}: ${name} ${value}: expected a number above 0`);
}

const scheduleOf = (rate: number | Schedule): Schedule => (typeof rate === "function" ? rate : constant(rate));
