import { sameShape } from "../../graph/shape.js";
import { hostData, type Tensor } from "../../graph/tensor.js";
import { countUses, rewrite } from "../../graph/walk.js";
import { activation } from "../../ops/activation.js";
import { add, arithmetic, mul } from "../../ops/arithmetic.js";
import { isNodeOf, match, type NodeOf } from "../../ops/match.js";
import { apply } from "../../ops/operator.js";
import { reshape } from "../../ops/shapes.js";
import { type BlockedConvAttributes, blocked } from "./operators.js";

type Convolution = NodeOf<BlockedConvAttributes>;

/**
 * Computes with a convolution what is done with its result alone: the addition of an image, or of a number to each channel, a ReLU after that, and
 * two multiplications of each channel in one. Each spares a pass over the image.
 */
export function fuse(outputs: readonly Tensor[]): readonly Tensor[] {
  for (let current = outputs; ; ) {
    const uses = countUses(current);
    let isChanged = false;
    const next = rewrite(current, (node, inputs) => {
      /** The convolution that makes an input, where nothing else uses that and nothing follows it yet. */
      const open = (i: number): Convolution | undefined => {
        const conv = uses.get(node.inputs[i] as Tensor) === 1 ? match(inputs[i] as Tensor, blocked.BlockedConv) : undefined;
        return conv?.attributes.activation === undefined ? conv : undefined;
      };
      const replacement = isNodeOf(node, activation.Relu)
        ? withActivation(open(0))
        : isNodeOf(node, arithmetic.Add) && sameShape(inputs[0]?.shape ?? [], inputs[1]?.shape ?? [])
          ? (withSum(open(1), inputs[0] as Tensor) ?? withSum(open(0), inputs[1] as Tensor))
          : isNodeOf(node, blocked.BlockedConv)
            ? joined(open(0), node, inputs)
            : undefined;
      if (!replacement) return undefined;
      isChanged = true;
      return [replacement];
    });
    if (!isChanged) return next;
    current = next;
  }
}

const withActivation = (conv: Convolution | undefined): Tensor | undefined =>
  conv && apply(blocked.BlockedConv, conv.inputs, { ...conv.attributes, activation: "Relu" });

const withSum = (conv: Convolution | undefined, image: Tensor): Tensor | undefined =>
  conv && !conv.attributes.hasSum ? apply(blocked.BlockedConv, [...conv.inputs, image], { ...conv.attributes, hasSum: true }) : undefined;

/** Whether a convolution multiplies each channel by a number. */
const isScaling = ({ attributes: { kernel, strides, pads, group }, inputs: [x, w] }: Convolution): boolean =>
  x.rank === 5 && w.rank === 4 && group > 1 && [...kernel, ...strides].every((size) => size === 1) && pads.every((count) => count === 0);

const isOne = (w: Tensor): boolean => {
  const shaped = w.source.kind === "node" && w.source.inputs.length === 1 ? (w.source.inputs[0] as Tensor) : w;
  return hostData(shaped)?.every((value) => value === 1) ?? false;
};

/** A multiplication of each channel of another convolution's result, by that convolution. */
function joined(inner: Convolution | undefined, node: Convolution, inputs: readonly Tensor[]): Tensor | undefined {
  if (!inner || inner.attributes.hasSum || !isScaling(node)) return undefined;
  const [, factors, ...added] = inputs as readonly [Tensor, Tensor, ...Tensor[]];
  const isUnchanged = isOne(factors);
  if (!isUnchanged && !isScaling(inner)) return undefined;
  const [x, weights, before] = inner.inputs as readonly Tensor[] as readonly [Tensor, Tensor, Tensor?];
  const { hasBias, hasSum, activation: after } = node.attributes;
  const scaled = inner.attributes.hasBias && before ? (isUnchanged ? before : mul(before, reshape(factors, before.shape))) : undefined;
  const bias = hasBias ? (scaled ? add(scaled, added[0] as Tensor) : (added[0] as Tensor)) : scaled;
  const sums = hasSum ? [added.at(-1) as Tensor] : [];
  return apply(blocked.BlockedConv, [x, isUnchanged ? weights : mul(weights, factors), ...(bias ? [bias] : []), ...sums], {
    ...inner.attributes,
    hasBias: bias !== undefined,
    hasSum,
    activation: after,
  });
}
