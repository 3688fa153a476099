import { check } from "../graph/error.js";
import { showShape, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { reshape } from "../ops/shapes.js";
import { Module } from "./module.js";

/** All axes but the first as one: what stands between convolutions and linear layers. */
export class Flatten extends Module {
  /** `[batch, ...]` to `[batch, product of the rest]`. */
  forward(x: Tensor): Tensor {
    const [batch, ...rest] = x.shape;
    check(batch !== undefined, () => `Flatten: got a scalar ${showShape(x.shape)}: expected [batch, ...]`);
    return reshape(x, [batch, sizeOf(rest)]);
  }
}
