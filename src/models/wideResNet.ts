import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { BatchNorm2d } from "../nn/batchNorm.js";
import type { Conv2d } from "../nn/conv.js";
import { Dropout } from "../nn/dropout.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { Sequential } from "../nn/sequential.js";
import { checkSizes } from "../nn/sizes.js";
import { relu } from "../ops/activation.js";
import { add } from "../ops/arithmetic.js";
import { type ClassifierOptions, channelMeans, ImageClassifier } from "./classifier.js";
import { conv } from "./resNet.js";

/** Normalisation and ReLU before each of two 3x3 convolutions (He et al. 2016, Identity mappings; Zagoruyko and Komodakis 2016, figure 1). */
class PreActivationBlock extends Module {
  readonly bn1: BatchNorm2d;
  readonly conv1: Conv2d;
  readonly dropout: Dropout;
  readonly bn2: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly shortcut: Conv2d | undefined;

  constructor(inputs: number, width: number, stride: number, dropout: number) {
    super();
    this.bn1 = new BatchNorm2d(inputs);
    this.conv1 = conv(inputs, width, 3, stride);
    this.dropout = new Dropout(dropout);
    this.bn2 = new BatchNorm2d(width);
    this.conv2 = conv(width, width, 3);
    this.shortcut = stride === 1 && inputs === width ? undefined : conv(inputs, width, 1, stride);
  }

  forward(x: Tensor): Tensor {
    const active = relu(this.bn1.forward(x));
    const inner = this.dropout.forward(relu(this.bn2.forward(this.conv1.forward(active))));
    return add(this.conv2.forward(inner), this.shortcut?.forward(active) ?? x);
  }
}

/** Settings of a {@link WideResNet}. */
export interface WideResNetOptions extends ClassifierOptions {
  /** 6n + 4 layers: 16, 22, 28, 40 and so on. */
  readonly depth: number;
  /** How many times as wide as 16, 32 and 64 channels the three stages are. */
  readonly widen: number;
  /** The probability of dropout between the convolutions of a block, by default 0. */
  readonly dropout?: number;
}

/** Wide residual networks for images of about 32x32 pixels (Zagoruyko and Komodakis 2016, table 1). */
export class WideResNet extends ImageClassifier {
  readonly conv1: Conv2d;
  readonly stages: readonly Sequential[];
  readonly bn1: BatchNorm2d;
  readonly fc: Linear;

  constructor(options: WideResNetOptions) {
    super(options, { depth: "required", widen: "required", dropout: "optional" });
    const { depth, widen, dropout = 0 } = options;
    checkSizes("WideResNet", { depth, widen }, 1);
    check((depth - 4) % 6 === 0 && depth > 4, () => `WideResNet: got depth ${depth}, expected 6n + 4, such as 16, 28 or 40`);
    const count = (depth - 4) / 6;
    const widths = [16, 16 * widen, 32 * widen, 64 * widen];
    this.conv1 = conv(this.imageChannels, 16, 3);
    this.stages = [1, 2, 2].map((stride, i) => {
      const [inputs, width] = [widths[i] as number, widths[i + 1] as number];
      return new Sequential(
        ...Array.from({ length: count }, (_, block) =>
          block === 0 ? new PreActivationBlock(inputs, width, stride, dropout) : new PreActivationBlock(width, width, 1, dropout),
        ),
      );
    });
    const last = 64 * widen;
    this.bn1 = new BatchNorm2d(last);
    this.fc = new Linear(last, this.classes);
  }

  features(images: Tensor): Tensor {
    this.checkImages(images);
    const x = this.stages.reduce((value, layer) => layer.forward(value), this.conv1.forward(images));
    return relu(this.bn1.forward(x));
  }

  classify(maps: Tensor): Tensor {
    return this.fc.forward(channelMeans(maps));
  }
}
