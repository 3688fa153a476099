import type { Tensor } from "../../graph/tensor.js";
import { abs, add, div, sqrt, square, sub, where } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { equal } from "../../ops/compare.js";
import { arange } from "../../ops/create.js";
import { einsum } from "../../ops/einsum.js";
import { log } from "../../ops/elementary.js";
import { alongNode } from "../../ops/normalize.js";
import { argmax, logSumExp, mean, norm, reduceNode, sum, variance } from "../../ops/reduce.js";
import { reshape } from "../../ops/shapes.js";
import type { NodeReader } from "../registry.js";
import { of } from "./elementwise.js";

const reducing = (compute: Parameters<typeof reduceNode>[1]): NodeReader => ({ read: (node) => reduceNode(node, compute) });

/** 1 at the first of the greatest along an axis, else 0. */
const hardmax = (x: Tensor, { axis = -1 }: { readonly axis?: number }): Tensor => {
  const place = axis < 0 ? axis + x.rank : axis;
  const size = x.shape[place] as number;
  const places = reshape(arange(size), [size, ...x.shape.slice(place + 1).map(() => 1)]);
  return cast(equal(argmax(x, { axis: place, keepDims: true }), places), x.dtype);
};

export const reduceReaders: Readonly<Record<string, NodeReader>> = {
  ":ReduceL1": reducing((x, options) => sum(abs(x), options)),
  ":ReduceL2": reducing((x, options) => cast(norm(x, options), x.dtype)),
  ":ReduceSumSquare": reducing((x, options) => sum(square(x), options)),
  ":ReduceLogSum": reducing((x, options) => log(sum(x, options))),
  ":ReduceLogSumExp": reducing((x, options) => (x.size === 0 ? log(sum(x, options)) : logSumExp(x, options))),
  ":Hardmax": { read: (node) => alongNode(node, hardmax) },
  ":Einsum": { read: (node) => einsum(node.text("equation", ""), ...node.rest()) },
  ":LpNormalization": of((x, node) => {
    const length = norm(x, { axis: node.integer("axis", -1), keepDims: true, order: node.integer("p", 2) });
    // Of nothing but zeros the result is zeros.
    return div(x, where(equal(length, 0), 1, length));
  }),
  ":MeanVarianceNormalization": of((x, node) => {
    const over = { axis: node.integers("axes") ?? [0, 2, 3], keepDims: true };
    return div(sub(x, mean(x, over)), add(sqrt(variance(x, over)), 1e-9));
  }),
  ":GlobalLpPool": of((x, node) => {
    const axis = x.shape.slice(2).map((_, i) => i + 2);
    return norm(x, { axis, keepDims: true, order: node.integer("p", 2) });
  }),
};
