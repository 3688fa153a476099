import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { add } from "../ops/arithmetic.js";
import { matmul } from "../ops/matmul.js";
import { transpose } from "../ops/shapes.js";
import { type Initialiser, uniform } from "./init.js";
import { Module } from "./module.js";

/** Settings of {@link Linear}. */
export interface LinearOptions {
  readonly bias?: boolean;
  readonly weightInitialiser?: Initialiser;
  readonly biasInitialiser?: Initialiser;
}

/** `x Wᵀ + b`: `[..., inputSize]` by a weight `[outputSize, inputSize]` and a bias `[outputSize]` to `[..., outputSize]`. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const product = matmul(x, transpose(weight));
  return bias ? add(product, bias) : product;
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
    { bias = true, weightInitialiser, biasInitialiser }: LinearOptions = {},
  ) {
    super();
    const initialiser = uniform(-1 / Math.sqrt(inputSize), 1 / Math.sqrt(inputSize));
    this.weight = new Variable((weightInitialiser ?? initialiser)([outputSize, inputSize]));
    this.bias = bias ? new Variable((biasInitialiser ?? initialiser)([outputSize])) : undefined;
  }

  /** `[..., inputSize]` to `[..., outputSize]`. */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}
