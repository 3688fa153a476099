import { normalizeAxis } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { add, mul, rsqrt, square } from "../../ops/arithmetic.js";
import { groupNorm, instanceNorm, localResponseNorm } from "../../ops/channelNorm.js";
import { mean } from "../../ops/reduce.js";
import { expand, reshape } from "../../ops/shapes.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";

/** `x / √(mean(x²) + epsilon) scale` over the last axes, from `axis` on (Zhang and Sennrich 2019, equation 4). */
export function rmsNorm(x: Tensor, scale: Tensor, axis: number, epsilon: number): Tensor {
  const axes = [...x.shape.keys()].slice(axis);
  return mul(mul(x, rsqrt(add(mean(square(x), { axis: axes, keepDims: true }), epsilon))), scale);
}

function groups(node: ReadNode): Tensor {
  const [x, count, weight, bias] = [node.input(0), node.integer("num_groups", 1), node.input(1), node.input(2)];
  const channels = x.shape[1] as number;
  // Until version 20 there is one number a group.
  const perChannel = (numbers: Tensor) =>
    numbers.size === channels ? numbers : reshape(expand(reshape(numbers, [count, 1]), [count, channels / count]), [channels]);
  return groupNorm(x, count, { weight: perChannel(weight), bias: perChannel(bias), epsilon: node.number("epsilon", 1e-5) });
}

function localResponse(node: ReadNode): Tensor {
  const [x, size] = [node.input(0), node.integer("size", 1)];
  const options = { alpha: node.number("alpha", 1e-4), beta: node.number("beta", 0.75), k: node.number("bias", 1) };
  node.check(size % 2 === 1, () => `the size ${size}: expected an odd one, as ONNX Runtime does`);
  return localResponseNorm(x, size, options);
}

export const normalizeReaders: Readonly<Record<string, NodeReader>> = {
  ":InstanceNormalization": {
    read: (node) => instanceNorm(node.input(0), { weight: node.input(1), bias: node.input(2), epsilon: node.number("epsilon", 1e-5) }),
  },
  ":GroupNormalization": { read: groups },
  ":LRN": { read: localResponse },
  ":RMSNormalization": {
    read: (node) => {
      const x = node.input(0);
      const axis = normalizeAxis("RMSNormalization", node.integer("axis", -1), x.rank);
      return rmsNorm(x, node.input(1), axis, node.number("epsilon", 1e-5));
    },
  },
};
