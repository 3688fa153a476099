import { type Shape, sameShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { sum } from "./reduce.js";
import { reshape } from "./shapes.js";

/** Sums `x` over the axes that broadcasting to its shape added or repeated, back to `shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const offset = x.rank - shape.length;
  const axes = x.shape.flatMap((size, axis) => (axis < offset || (shape[axis - offset] === 1 && size !== 1) ? [axis] : []));
  return reshape(sum(x, { axis: axes, keepDims: true }), shape);
}
