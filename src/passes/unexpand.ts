import { broadcast, type Shape } from "../graph/shape.js";
import { makeNode, type Tensor } from "../graph/tensor.js";
import { isNodeOf, match } from "../ops/match.js";
import { operatorOf } from "../ops/operator.js";
import { expand, reshape, shapes } from "../ops/shapes.js";
import type { Rule } from "./rules.js";

/**
 * Elementwise operators take the operand of an Expand in place of its result; where their result is smaller then, that is expanded. A reshape of an
 * expanded number is the number expanded to that shape.
 */
export const unexpand: Rule = (node, inputs) => {
  const [{ dtype, shape }] = node.outputs as readonly [Tensor];
  if (isNodeOf(node, shapes.Reshape)) {
    const number = beforeExpansion(inputs[0] as Tensor);
    return number?.size === 1 ? [expand(reshape(number, []), shape)] : undefined;
  }
  if (operatorOf(node).kind.is !== "elementwise") return undefined;
  const slim = inputs.map((input) => beforeExpansion(input) ?? input);
  if (slim.every((input, i) => input === inputs[i])) return undefined;
  const smaller = broadcast(...slim.map((input) => input.shape)) as Shape;
  const [result] = makeNode(node.operator, slim, node.attributes, [{ dtype, shape: smaller }], node.path) as [Tensor];
  return [expand(result, shape)];
};

const beforeExpansion = (x: Tensor): Tensor | undefined => match(x, shapes.Expand)?.inputs[0];
