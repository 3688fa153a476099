import { sameShape } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { countUses, rewrite } from "../../graph/walk.js";
import { arithmetic, mul } from "../../ops/arithmetic.js";
import { isNodeOf, match } from "../../ops/match.js";
import { apply, declare, family } from "../../ops/operator.js";
import { reduce, sum } from "../../ops/reduce.js";
import { reshape } from "../../ops/shapes.js";

/** All axes but that of the channels. */
const otherAxes = ({ rank }: Tensor): readonly number[] => [...Array(rank).keys()].filter((axis) => axis !== 1);

/** The sum over images and places of the product of two images `[batch, channels, ...places]`, `[channels]`: on blocked images one operator. */
export const channelProducts = family({
  ChannelProduct: declare({
    infer: ([{ dtype, shape }]) => ({ dtype, shape: [shape[1] as number] }),
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    decompose: ([a, b]) => sum(mul(a, b), { axis: otherAxes(a) }),
  }),
});

/** Makes one operator of sums of products, and of squares, for each channel. */
export function findChannelProducts(outputs: readonly Tensor[]): readonly Tensor[] {
  const uses = countUses(outputs);
  return rewrite(outputs, (node, inputs) => {
    if (!isNodeOf(node, reduce.ReduceSum)) return undefined;
    const [x] = inputs;
    const product = uses.get(node.inputs[0]) === 1 ? match(x as Tensor, arithmetic.Mul, arithmetic.Square) : undefined;
    const { axes } = node.attributes;
    if (!product || (x as Tensor).rank < 3 || axes.length !== (x as Tensor).rank - 1 || axes.includes(1)) return undefined;
    const [a, b = a] = product.inputs as readonly Tensor[] as readonly [Tensor, Tensor?];
    if (!x || !sameShape(a.shape, x.shape) || !sameShape(b.shape, x.shape)) return undefined;
    return [reshape(apply(channelProducts.ChannelProduct, [a, b]), (node.outputs[0] as Tensor).shape)];
  });
}
