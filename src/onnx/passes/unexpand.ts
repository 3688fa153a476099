import { broadcast, type Shape } from "../../graph/shape.js";
import { makeNode, type Tensor } from "../../graph/tensor.js";
import { rewrite } from "../../graph/walk.js";
import { operatorOf } from "../../ops/operator.js";
import { expand, shapes } from "../../ops/shapes.js";

/** Gives elementwise operators what was expanded in place of the expansion; where their result is smaller then, that is expanded. */
export function unexpand(outputs: readonly Tensor[]): readonly Tensor[] {
  return rewrite(outputs, (node, inputs) => {
    if (!operatorOf(node).expression) return undefined;
    const [{ dtype, shape }] = node.outputs as [Tensor];
    const slim = inputs.map(({ source }, i) =>
      source.kind === "node" && source.operator === shapes.Expand ? (source.inputs[0] as Tensor) : (inputs[i] as Tensor),
    );
    if (slim.every((input, i) => input === inputs[i])) return undefined;
    const smaller = broadcast(...slim.map((input) => input.shape)) as Shape;
    const [result] = makeNode(node.operator, slim, node.attributes, [{ dtype, shape: smaller }], node.path) as [Tensor];
    return [expand(result, shape)];
  });
}
