import type { Tensor } from "../graph/tensor.js";
import { Conv2d } from "../nn/conv.js";
import { Module } from "../nn/module.js";
import { relu } from "../ops/activation.js";
import { globalAveragePool } from "../ops/adaptivePool.js";
import { mul } from "../ops/arithmetic.js";

/** What a {@link SqueezeExcitation} computes its factors by. */
export interface SqueezeExcitationOptions {
  /** After the first layer, by default ReLU. */
  readonly activation?: (x: Tensor) => Tensor;
  /** Takes what the second layer gives to a factor. */
  readonly gate: (x: Tensor) => Tensor;
}

/** Weighs each channel by what all channels are on the mean (Hu et al. 2018, Squeeze-and-excitation networks). */
export class SqueezeExcitation extends Module {
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;
  private readonly activation: (x: Tensor) => Tensor;
  private readonly gate: (x: Tensor) => Tensor;

  /** @param squeezed how many numbers the means are squeezed into */
  constructor(channels: number, squeezed: number, { activation = (x) => relu(x), gate }: SqueezeExcitationOptions) {
    super();
    this.fc1 = new Conv2d(channels, squeezed, 1);
    this.fc2 = new Conv2d(squeezed, channels, 1);
    this.activation = activation;
    this.gate = gate;
  }

  /** `[batch, channels, height, width]`, which stays. */
  forward(x: Tensor): Tensor {
    return mul(x, this.gate(this.fc2.forward(this.activation(this.fc1.forward(globalAveragePool(x))))));
  }
}
