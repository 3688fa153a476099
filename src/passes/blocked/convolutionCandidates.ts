import { sizeOf } from "../../graph/shape.js";
import type { Node, Tensor } from "../../graph/tensor.js";
import { convolutions } from "../../ops/conv.js";
import type { ConvolutionGeometry } from "../../ops/convolutionGeometry.js";
import { isNodeOf } from "../../ops/match.js";
import { reshape } from "../../ops/shapes.js";
import { blockedConv, imageGradient, planar } from "./convolution.js";
import { filled, filledNumbers, sizesOf } from "./images.js";
import type { Candidate } from "./layout.js";
import { depthwiseWeightGradient, weightGradient } from "./weightGradient.js";

/**
 * Products a nanosecond, two operations each, on one thread of an AMD EPYC 9004: of ONNX Runtime's plain kernels and its blocked ones, in a convolution,
 * in its gradient by images and in that by weights.
 */
const rates = {
  image: { plain: 30, blocked: 60 },
  back: { plain: 25, blocked: 55 },
  strided: { plain: 18, blocked: 30 },
  weight: { plain: 22, blocked: 45 },
};
const depthwiseRates = {
  image: { plain: 1.4, blocked: 10 },
  back: { plain: 1.4, blocked: 10 },
  strided: { plain: 1.4, blocked: 8 },
  weight: { plain: 1, blocked: 5 },
};
/** The reordering of a weight, in nanoseconds an element, and what the operators around it cost. */
const [weightReordering, operators] = [1, 8000];

/** Why a convolution has no blocked form; undefined where it has one. */
export function obstacleOf({ inputs, attributes }: Node, weightShape: readonly number[], block: number): string | undefined {
  const [x] = inputs as readonly [Tensor];
  const { group } = attributes as unknown as ConvolutionGeometry;
  const [outputs, inputsOfGroup] = weightShape as readonly [number, number];
  if (x.dtype !== "float32") return x.dtype;
  if (x.rank > 4) return "3 spatial axes";
  if (inputs.some(({ size }) => size === 0)) return "no elements";
  if (group === 1 || (group === outputs && inputsOfGroup === 1)) return undefined;
  return inputsOfGroup % block === 0 && (outputs / group) % block === 0 ? undefined : `groups of ${inputsOfGroup} channels`;
}

/** The shape of the weight of a node of a convolution. */
export function weightShapeOf(node: Node): readonly number[] | undefined {
  if (isNodeOf(node, convolutions.Conv, convolutions.ConvTranspose)) return node.inputs[1].shape;
  return isNodeOf(node, convolutions.ConvWeightGradient) ? (node.outputs[0] as Tensor).shape : undefined;
}

/**
 * The blocked form of a convolution or of one of its gradients; undefined where there is none.
 * @param isBlocked whether a value may be made blocked
 */
export function convolutionCandidate(node: Node, isBlocked: (x: Tensor) => boolean, block: number): Candidate | undefined {
  const shape = weightShapeOf(node);
  if (!shape || obstacleOf(node, shape, block) !== undefined) return undefined;
  const { group, strides } = node.attributes as unknown as ConvolutionGeometry;
  const [outputs, ofGroup, ...kernel] = shape as readonly [number, number, ...number[]];
  const each = group > 1 && ofGroup === 1 && outputs === group;
  const elements = sizeOf(kernel);
  // The products of a place of the result, as they are and with the channels that fill the blocks.
  const channels = ofGroup * group;
  const isFew = (count: number, x: Tensor) => count < block && !each && group === 1 && !isBlocked(x);
  const saved = (kind: keyof typeof rates, places: number, inputs: number, results: number) => {
    const { plain, blocked } = (each ? depthwiseRates : rates)[kind];
    const [exact, wide] = each ? [channels, filled(channels, block)] : [(channels * outputs) / group, (inputs * results) / group];
    return (places * elements * exact) / plain - (places * elements * wide) / blocked - weightReordering * sizeOf(shape) - operators;
  };
  const full = (count: number) => filled(count, block);
  const imageOf = (x: Tensor): Tensor => (x.rank === 5 ? x : reshape(x, sizesOf(x.shape)));

  if (isNodeOf(node, convolutions.Conv)) {
    const [x] = node.inputs;
    const [batch, , height, width] = sizesOf((node.outputs[0] as Tensor).shape);
    const few = isFew(channels, x);
    return {
      takes: few ? [] : [0],
      gives: true,
      saving: saved("image", batch * height * width, few ? channels : full(channels), full(outputs)),
      build: ([image, weight, bias]) => [
        blockedConv(
          imageOf(image as Tensor),
          weight as Tensor,
          bias && filledNumbers(bias, outputs, block),
          planar(node.attributes),
          block,
        ),
      ],
    };
  }
  const isStrided = strides.some((stride) => stride > 1);
  if (isNodeOf(node, convolutions.ConvTranspose)) {
    const [y] = node.inputs;
    const [batch, , height, width] = sizesOf(y.shape);
    const [, , ...sizes] = sizesOf((node.outputs[0] as Tensor).shape);
    const few = isFew(outputs, y);
    return {
      takes: few ? [] : [0],
      gives: true,
      saving: saved(isStrided ? "strided" : "back", batch * height * width, few ? outputs : full(outputs), full(channels)),
      build: ([image, weight]) => [
        imageGradient(imageOf(image as Tensor), weight as Tensor, planar(node.attributes), sizes as [number, number], block),
      ],
    };
  }
  if (!isNodeOf(node, convolutions.ConvWeightGradient) || (group > 1 && !each)) return undefined;
  const [x, y] = node.inputs;
  const [batch, , height, width] = sizesOf(y.shape);
  const few = isFew(channels, x);
  const plane = (kernel.length === 1 ? [1, ...kernel] : kernel) as [number, number];
  return {
    takes: few ? [1] : [0, 1],
    gives: false,
    saving: saved("weight", batch * height * width, channels, full(outputs)),
    build: ([image, gradient]) => {
      const problem = {
        x: imageOf(image as Tensor),
        channels,
        y: gradient as Tensor,
        outputs,
        geometry: planar(node.attributes),
        kernel: plane,
        block,
      };
      return [reshape(each ? depthwiseWeightGradient(problem) : weightGradient(problem), shape)];
    },
  };
}
