import { Tensor } from "../graph/tensor.js";
import { sub } from "./arithmetic.js";
import { equal } from "./compare.js";
import { logicalAnd } from "./logic.js";
import { apply, declare, family } from "./operator.js";
import { sum } from "./reduce.js";
import { Body } from "./scan.js";

interface BranchAttributes {
  /** What is computed where the condition holds, and where it does not: graphs of the same inputs and output types. */
  readonly holds: Body;
  readonly fails: Body;
}

/** One of two graphs is run. Passes make such nodes of gradients already computed, so they have none themselves. */
export const branches = family({
  // The condition, then the inputs of both graphs.
  Branch: declare<BranchAttributes>({
    infer: (_, { holds }) => holds.outputs.map(({ dtype, shape }) => ({ dtype, shape })),
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    emit: (emitter, [condition, ...values], { holds, fails }, { outputs }) => {
      const graphOf = ({ inputs, outputs }: Body) =>
        emitter.subgraph([], outputs, new Map(inputs.map((leaf, i) => [leaf, values[i] as string])));
      return emitter.node("If", [condition as string], { then_branch: graphOf(holds), else_branch: graphOf(fails) }, outputs.length);
    },
  }),
});

/**
 * A value computed by `fast` where all elements of `checked` are finite, and by `exact` where they are not, or where only their sum is not. A sum
 * reads each element once, a fraction of what other operators take.
 */
export function whereFinite(
  checked: readonly Tensor[],
  operands: readonly Tensor[],
  fast: (...operands: Tensor[]) => Tensor,
  exact: (...operands: Tensor[]) => Tensor,
): Tensor {
  // Infinity less infinity is no number, and no number equals itself.
  const conditions = checked.map((x) => {
    const total = sum(x);
    return equal(sub(total, total), 0);
  });
  const bodyOf = (compute: (...operands: Tensor[]) => Tensor) => {
    const leaves = operands.map(({ dtype, shape }) => new Tensor(dtype, shape, { kind: "input", name: "operand" }));
    return new Body(leaves, [compute(...leaves)]);
  };
  return apply(branches.Branch, [conditions.reduce(logicalAnd), ...operands], { holds: bodyOf(fast), fails: bodyOf(exact) });
}
