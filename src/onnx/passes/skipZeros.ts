import { elementAt } from "../../graph/dtype.js";
import { sameShape } from "../../graph/shape.js";
import { hostData, type Tensor } from "../../graph/tensor.js";
import { rewrite } from "../../graph/walk.js";
import { zeros } from "../../ops/create.js";
import { elementwise } from "../../ops/elementwise.js";
import { products } from "../../ops/matmul.js";
import type { Operator } from "../../ops/operator.js";
import { shapes } from "../../ops/shapes.js";

/** Operators whose result has the elements of their operand alone. */
const rearranging: readonly Operator[] = [shapes.Expand, shapes.Reshape, shapes.Transpose];

/**
 * Leaves out matrix products with zeros, and additions of them: a recurrent network starts from zeros unless it is given a state, and so
 * the first step's share of its gradients is zero. (That zero times infinity is no number is lost.)
 */
export function skipZeros(outputs: readonly Tensor[]): readonly Tensor[] {
  return rewrite(outputs, ({ operator, outputs: [result] }, inputs) => {
    const { shape, dtype } = result as Tensor;
    if (operator === products.MatMul || operator === products.Gemm) return inputs.some(isZero) ? [zeros(shape, dtype)] : undefined;
    if (operator !== elementwise.Add) return undefined;
    const kept = inputs.find((x, i) => sameShape(x.shape, shape) && isZero(inputs[1 - i] as Tensor));
    return kept && [kept];
  });
}

/** Whether all elements are known to be zero. */
function isZero(x: Tensor): boolean {
  const { source } = x;
  if (source.kind === "node") return rearranging.some((operator) => operator === source.operator) && isZero(source.inputs[0] as Tensor);
  const data = x.size === 1 ? hostData(x) : undefined;
  return data !== undefined && Number(elementAt(data, 0, x.dtype)) === 0;
}
