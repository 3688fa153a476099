import { convert, elementAt, isFloat } from "../graph/dtype.js";
import { fromData, hostData, type Tensor } from "../graph/tensor.js";
import { rewrite } from "../graph/walk.js";
import { numbers } from "../ops/algebra.js";
import { operatorOf } from "../ops/operator.js";

/** Computes what operators make of single constants alone: the counts, rates and signs that gradients multiply together. */
export function fold(outputs: readonly Tensor[]): readonly Tensor[] {
  return rewrite(outputs, (node, inputs) => {
    const { expression } = operatorOf(node);
    const [result] = node.outputs as [Tensor];
    // Whole numbers may exceed what a JavaScript number holds exactly.
    if (!expression || !isFloat(result.dtype) || result.size !== 1) return undefined;
    const values = inputs.map((input) => (input.size === 1 ? hostData(input) : undefined));
    if (values.length === 0 || values.some((value) => value === undefined)) return undefined;
    const operands = values.map((value, i) => Number(elementAt(value as NonNullable<typeof value>, 0, (inputs[i] as Tensor).dtype)));
    return [
      fromData(
        convert([expression(numbers, operands as [number, number, number], node.attributes)], result.dtype),
        result.shape,
        result.dtype,
      ),
    ];
  });
}
