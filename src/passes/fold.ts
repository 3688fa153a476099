import { convert, elementAt, isFloat } from "../graph/dtype.js";
import { fromData, hostData, type Tensor } from "../graph/tensor.js";
import { roundedTo } from "../ops/algebra.js";
import { operatorOf } from "../ops/operator.js";
import type { Rule } from "./rules.js";

/** Computes elementwise operators whose operands are all constants of size 1, such as products of counts, rates and signs in gradients. */
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
