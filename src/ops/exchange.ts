import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkChoice, checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { currentTrace } from "../graph/trace.js";
import { apply, declare, family } from "./operator.js";

/** How the values of the workers, each of its share of the batch, become that of the whole batch. */
export type WorkerReduction = "mean" | "sum";

/** Settings of {@link allReduce}. */
export interface AllReduceOptions {
  /** A value to which this one is proportional, such as the loss to a gradient of it: what makes that one whole makes this one whole. */
  readonly like?: Tensor;
  /** By default it follows from the operators that computed the value. */
  readonly reduction?: WorkerReduction;
}

/** What workers exchange; where one of them is left to make the step, the value itself. */
export const exchange = family({
  // Inputs: what is exchanged, and what it is proportional to. The exchange of a sum is its own adjoint: every worker's gradient counts for all.
  AllReduce: declare<{ reduction?: WorkerReduction }>({
    infer: ([x]) => x,
    kind: { is: "opaque" },
    gradient: [(g, [, like], _, { reduction }) => allReduce(g, { like, reduction }), undefined],
    decompose: ([x]) => x,
  }),
});

/**
 * `x` of the whole batch, where `compile(fn, { workers })` has each worker compute it of a share; elsewhere `x` itself. Of a mean over the
 * batch it is the mean of the workers' values, of a sum their sum. Optimizers exchange gradients by themselves; what else needs it is what is
 * computed from a sum or a mean over the batch, such as a count that a loss is divided by.
 * @param x any shape; a number or an array of numbers that does not have the axis of the batch any more
 */
export function allReduce(x: Tensor, options: AllReduceOptions = {}): Tensor {
  checkOptions<AllReduceOptions>("allReduce", options, { like: "optional", reduction: "optional" });
  const { like = x, reduction } = options;
  checkChoice("allReduce", "reduction", reduction, ["mean", "sum"]);
  check(isFloat(x.dtype), () => `allReduce: got ${x.dtype}, expected floating-point numbers: cast it`);
  return currentTrace()?.divided ? apply(exchange.AllReduce, [x, like], { reduction }) : x;
}
