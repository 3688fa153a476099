import type { Tensor } from "../graph/tensor.js";
import { countUses, rewrite } from "../graph/walk.js";
import { add, mul, rsqrt, sub } from "../ops/arithmetic.js";
import { channels } from "../ops/channelNorm.js";
import { convolutions } from "../ops/conv.js";
import { isNodeOf, match } from "../ops/match.js";
import { apply } from "../ops/operator.js";
import { reshape } from "../ops/shapes.js";
import type { Target } from "../targets/target.js";

/**
 * Lets a convolution do what a normalisation of its channels does after it, by another kernel and bias: `s (w x + b - mean) + bias` is
 * `(s w) x + s (b - mean) + bias`. Only where nothing else uses the result of the convolution, as a gradient does, and where a kernel that is not known
 * beforehand has fewer elements than the image, since it is multiplied in each run.
 */
export function foldNormalization(outputs: readonly Tensor[], target: Target): readonly Tensor[] {
  const uses = countUses(outputs);
  return rewrite(outputs, (node, inputs) => {
    if (!isNodeOf(node, channels.BatchNormalization)) return undefined;
    const [image, weight, bias, mean, variance] = inputs as readonly [Tensor, Tensor, Tensor, Tensor, Tensor];
    const conv = uses.get(node.inputs[0]) === 1 ? match(image, convolutions.Conv) : undefined;
    if (!conv) return undefined;
    const [x, kernel, before] = conv.inputs as readonly Tensor[] as readonly [Tensor, Tensor, Tensor?];
    if (!target.freeSizes && kernel.source.kind !== "data" && kernel.size > image.size) return undefined;
    const slope = mul(weight, rsqrt(add(variance, node.attributes.epsilon.float)));
    const scaled = mul(kernel, reshape(slope, [slope.size, ...new Array<number>(kernel.rank - 1).fill(1)]));
    const shift = add(mul(before ? sub(before, mean) : sub(0, mean), slope), bias);
    return [apply(convolutions.Conv, [x, scaled, shift], conv.attributes)];
  });
}
