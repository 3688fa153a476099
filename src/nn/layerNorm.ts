import { checkNumbers } from "../graph/numbers.js";
import type { Shape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { ones, zeros } from "../ops/create.js";
import { layerNorm } from "../ops/normalize.js";
import { Module } from "./module.js";

/** Layer normalisation with a scale, which starts as ones, and a shift, which starts as zeros (Ba et al. 2016). */
export class LayerNorm extends Module {
  /** `[...size]` */
  readonly scale: Variable;
  /** `[...size]` */
  readonly shift: Variable;

  /** @param size of the last axes, over which is normalised */
  constructor(
    size: number | Shape,
    readonly epsilon = 1e-5,
  ) {
    super();
    checkNumbers("LayerNorm", { epsilon });
    const shape = typeof size === "number" ? [size] : size;
    this.scale = new Variable(ones(shape));
    this.shift = new Variable(zeros(shape));
  }

  /** `[..., ...size]`, which stays. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.scale, this.shift, this.epsilon);
  }

  override torchName(path: string): string {
    return path === "scale" ? "weight" : "bias";
  }
}
