import { sizeOf } from "../graph/shape.js";
import { type Node, type Tensor, totalSize } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { asOperands, operatorOf } from "./operator.js";

/** How many multiplications, with an addition each, a node makes in products and convolutions; a loop in all its steps. */
export function multiplicationsOf(node: Node): number {
  const { kind, multiplications } = operatorOf(node);
  if (multiplications) return multiplications(asOperands(node.inputs), node.attributes);
  switch (kind.is) {
    case "loop": {
      const { body, length } = kind.loop(node.attributes);
      return length * topologicalOrder(body.outputs).reduce((sum, each) => sum + multiplicationsOf(each), 0);
    }
    case "product": {
      const { transA } = kind.product(node.attributes);
      return totalSize(node.outputs) * ((node.inputs[0] as Tensor).shape.at(transA ? -2 : -1) as number);
    }
    case "convolution": {
      const [, kernel] = node.inputs as [Tensor, Tensor];
      return totalSize(node.outputs) * sizeOf(kernel.shape.slice(1));
    }
    default:
      return 0;
  }
}
