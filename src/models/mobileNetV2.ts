import type { Tensor } from "../graph/tensor.js";
import { BatchNorm2d } from "../nn/batchNorm.js";
import { Conv2d } from "../nn/conv.js";
import { Dropout } from "../nn/dropout.js";
import { normal, zeros } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { Sequential } from "../nn/sequential.js";
import { add, clip } from "../ops/arithmetic.js";
import { channelMeans, checkWidth, ImageClassifier } from "./classifier.js";
import { convNorm, heFanOut, roundChannels } from "./convNorm.js";
import type { MobileNetOptions } from "./mobileNetV1.js";

const relu6 = (x: Tensor): Tensor => clip(x, 0, 6);

/** A 1x1 convolution to more channels, a depthwise 3x3 one, and a linear 1x1 one to few, beside the identity where sizes agree (figure 4). */
class InvertedResidual extends Module {
  readonly conv: Sequential;
  private readonly isResidual: boolean;

  constructor(inputs: number, outputs: number, stride: number, expansion: number) {
    super();
    const inner = inputs * expansion;
    this.conv = new Sequential(
      ...(expansion === 1 ? [] : [convNorm(inputs, inner, 1, { activation: relu6 })]),
      convNorm(inner, inner, 3, { stride, groups: inner, activation: relu6 }),
      new Conv2d(inner, outputs, 1, { bias: false, weightInitialiser: heFanOut() }),
      new BatchNorm2d(outputs),
    );
    this.isResidual = stride === 1 && inputs === outputs;
  }

  forward(x: Tensor): Tensor {
    const made = this.conv.forward(x);
    return this.isResidual ? add(x, made) : made;
  }
}

/** Expansion, channels, how many blocks, and the stride of the first (Sandler et al. 2018, table 2). */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** MobileNetV2: inverted residuals and linear bottlenecks (Sandler et al. 2018), with torchvision's names. */
export class MobileNetV2 extends ImageClassifier {
  readonly blocks: Sequential;
  readonly classifier: Sequential;

  constructor(options: MobileNetOptions = {}) {
    super(options, { width: "optional", firstStride: "optional" });
    const { width = 1, firstStride = 2 } = options;
    checkWidth("MobileNetV2", width);
    let inputs = roundChannels(32 * width);
    const last = roundChannels(1280 * Math.max(1, width));
    const first = convNorm(this.imageChannels, inputs, 3, { stride: firstStride, activation: relu6 });
    const residuals = stages.flatMap(([expansion, channels, count, stride]) =>
      Array.from({ length: count }, (_, i) => {
        const outputs = roundChannels(channels * width);
        const block = new InvertedResidual(inputs, outputs, i === 0 ? stride : 1, expansion);
        inputs = outputs;
        return block;
      }),
    );
    this.blocks = new Sequential(first, ...residuals, convNorm(inputs, last, 1, { activation: relu6 }));
    const output = new Linear(last, this.classes, { weightInitialiser: normal(0, 0.01), biasInitialiser: zeros });
    this.classifier = new Sequential(new Dropout(0.2), output);
  }

  features(images: Tensor): Tensor {
    this.checkImages(images);
    return this.blocks.forward(images);
  }

  classify(maps: Tensor): Tensor {
    return this.classifier.forward(channelMeans(maps));
  }
}
