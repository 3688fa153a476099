import { broadcast, sameShape } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { rewrite, withInputs } from "../../graph/walk.js";
import { operatorOf } from "../../ops/operator.js";
import { shapes } from "../../ops/shapes.js";

/** Gives elementwise operators what was expanded in place of the expansion, where they broadcast to the same shape by themselves. */
export function unexpand(outputs: readonly Tensor[]): readonly Tensor[] {
  return rewrite(outputs, (node, inputs) => {
    if (!operatorOf(node).scalar || inputs.length < 2) return undefined;
    const [result] = node.outputs as [Tensor];
    const slim = [...inputs];
    inputs.forEach((input, i) => {
      if (input.source.kind !== "node" || input.source.operator !== shapes.Expand) return;
      const before = slim[i] as Tensor;
      slim[i] = input.source.inputs[0] as Tensor;
      const shape = broadcast(...slim.map((x) => x.shape));
      if (!shape || !sameShape(shape, result.shape)) slim[i] = before;
    });
    return withInputs(node, slim);
  });
}
