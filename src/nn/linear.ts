import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { add } from "../ops/elementwise.js";
import { matmul } from "../ops/matmul.js";
import { transpose } from "../ops/shapes.js";
import { type Initialiser, uniform } from "./init.js";
import { Module } from "./module.js";

/** Settings of {@link Linear}. */
export interface LinearOptions {
  readonly bias?: boolean;
  readonly weightInitialiser?: Initialiser;
}

/** `y = x Wᵀ + b`. Weight and bias start uniform in ±1/√inputSize, as PyTorch's. */
export class Linear extends Module {
  /** `[outputSize, inputSize]` */
  readonly weight: Variable;
  /** `[outputSize]` */
  readonly bias: Variable | undefined;

  constructor(
    readonly inputSize: number,
    readonly outputSize: number,
    { bias = true, weightInitialiser }: LinearOptions = {},
  ) {
    super();
    const initialiser = uniform(-1 / Math.sqrt(inputSize), 1 / Math.sqrt(inputSize));
    this.weight = new Variable((weightInitialiser ?? initialiser)([outputSize, inputSize]));
    this.bias = bias ? new Variable(initialiser([outputSize])) : undefined;
  }

  /** `[..., inputSize]` to `[..., outputSize]`. */
  forward(x: Tensor): Tensor {
    const product = matmul(x, transpose(this.weight));
    return this.bias ? add(product, this.bias) : product;
  }
}
