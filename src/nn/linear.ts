import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { add } from "../ops/arithmetic.js";
import { matmul } from "../ops/matmul.js";
import { transpose } from "../ops/shapes.js";
import { type Initialiser, withinRoot } from "./init.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

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
    options: LinearOptions = {},
  ) {
    super();
    checkOptions("Linear", options, { bias: "optional", weightInitialiser: "optional", biasInitialiser: "optional" });
    checkSizes("Linear", { inputSize, outputSize });
    const initialiser = withinRoot(inputSize);
    const { bias = true, weightInitialiser = initialiser, biasInitialiser = initialiser } = options;
    this.weight = new Variable(weightInitialiser([outputSize, inputSize]));
    this.bias = bias ? new Variable(biasInitialiser([outputSize])) : undefined;
  }

  /** `[..., inputSize]` to `[..., outputSize]`. */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}
