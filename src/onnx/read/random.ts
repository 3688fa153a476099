import type { DType } from "../../graph/dtype.js";
import type { Shape } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { cast, dtypeOfOnnx } from "../../ops/cast.js";
import { less } from "../../ops/compare.js";
import { random } from "../../ops/random.js";
import { unsqueeze } from "../../ops/shapes.js";
import { concat } from "../../ops/slicing.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";

const dtypeOf = (node: ReadNode, otherwise: DType): DType => (node.has("dtype") ? dtypeOfOnnx(node, node.integer("dtype", 1)) : otherwise);

const normal = (node: ReadNode, shape: Shape, otherwise: DType): Tensor =>
  random.normal(shape, node.number("mean", 0), node.number("scale", 1), dtypeOf(node, otherwise));

const uniform = (node: ReadNode, shape: Shape, otherwise: DType): Tensor =>
  random.uniform(shape, node.number("low", 0), node.number("high", 1), dtypeOf(node, otherwise));

function multinomial(node: ReadNode): Tensor {
  const draws = Array.from({ length: node.integer("sample_size", 1) }, () => unsqueeze(random.categorical(node.input(0)), { axis: -1 }));
  return cast(concat(draws, { axis: -1 }), dtypeOf(node, "int32"));
}

/** Draws: each run of a compiled function has its own, whatever seed the file names. */
export const randomReaders: Readonly<Record<string, NodeReader>> = {
  ":RandomNormal": { read: (node) => normal(node, node.integers("shape") ?? [], node.float) },
  ":RandomUniform": { read: (node) => uniform(node, node.integers("shape") ?? [], node.float) },
  ":RandomNormalLike": { read: (node) => normal(node, node.input(0).shape, node.input(0).dtype) },
  ":RandomUniformLike": { read: (node) => uniform(node, node.input(0).shape, node.input(0).dtype) },
  ":Bernoulli": {
    read: (node) => cast(less(random.uniform(node.input(0).shape), node.input(0)), dtypeOf(node, node.input(0).dtype)),
  },
  ":Multinomial": { read: multinomial },
};
