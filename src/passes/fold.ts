import { convert, elementAt, isFloat } from "../graph/dtype.js";
import { fromData, hostData, type Tensor } from "../graph/tensor.js";
import { roundedTo } from "../ops/algebra.js";
import { operatorOf } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/** Computes what operators make of single constants alone, such as the counts, rates and signs that gradients multiply together. */
export const fold: Rule = (node, inputs) => {
  const { kind } = operatorOf(node);
  const [{ dtype, shape, size }] = node.outputs as readonly [Tensor];
  // A JavaScript number does not hold every int64.
  if (kind.is !== "elementwise" || !isFloat(dtype) || size !== 1 || inputs.length === 0) return undefined;
  const operands: number[] = [];
  for (const x of inputs) {
    const data = x.size === 1 ? hostData(x) : undefined;
    if (!data) return undefined;
    operands.push(Number(elementAt(data, 0, x.dtype)));
  }
  const value = kind.expression(roundedTo(dtype), operands as [number, number, number], node.attributes);
  return [fromData(convert([value], dtype), shape, dtype)];
};
