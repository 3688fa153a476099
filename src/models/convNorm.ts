import type { Tensor } from "../graph/tensor.js";
import { BatchNorm2d, type BatchNormOptions } from "../nn/batchNorm.js";
import { Conv2d } from "../nn/conv.js";
import { heNormal, type Initialiser } from "../nn/init.js";
import { type Layer, Sequential } from "../nn/sequential.js";
import { relu } from "../ops/activation.js";

/** N(0, 2 / fanOut), so that gradients keep their size behind a ReLU (He et al. 2015, section 2.2): `[outputs, inputs, ...kernel]`. */
export const heFanOut =
  (groups = 1): Initialiser =>
  (shape) => {
    const [outputs = 1, inputs = 1] = shape;
    return heNormal(Math.SQRT2 * Math.sqrt((inputs * groups) / outputs))(shape);
  };

/** Settings of {@link convNorm}. */
export interface ConvNormOptions {
  readonly stride?: number;
  readonly dilation?: number;
  readonly groups?: number;
  readonly norm?: BatchNormOptions;
  /** By default ReLU; null: none. */
  readonly activation?: ((x: Tensor) => Tensor) | null;
}

/** A convolution without bias that keeps the size but for its stride, batch normalisation, and an activation: PyTorch's names `0` and `1`. */
export function convNorm(
  inputs: number,
  outputs: number,
  kernel: number,
  { stride = 1, dilation = 1, groups = 1, norm, activation = (x) => relu(x) }: ConvNormOptions = {},
): Sequential {
  const layers: Layer[] = [
    new Conv2d(inputs, outputs, kernel, {
      stride,
      padding: dilation * Math.floor((kernel - 1) / 2),
      dilation,
      groups,
      bias: false,
      weightInitialiser: heFanOut(groups),
    }),
    new BatchNorm2d(outputs, norm),
  ];
  return new Sequential(...layers, ...(activation ? [activation] : []));
}

/** `value` as the nearest multiple of `divisor`, no less than 0.9 times it (Sandler et al. 2018, MobileNetV2; its published code). */
export function roundChannels(value: number, divisor = 8): number {
  const rounded = Math.max(divisor, Math.floor((value + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * value ? rounded + divisor : rounded;
}
