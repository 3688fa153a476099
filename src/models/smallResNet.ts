import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { BatchNorm2d } from "../nn/batchNorm.js";
import type { Conv2d } from "../nn/conv.js";
import { Linear } from "../nn/linear.js";
import { Sequential } from "../nn/sequential.js";
import { checkSizes } from "../nn/sizes.js";
import { relu } from "../ops/activation.js";
import { type ClassifierOptions, channelMeans, ImageClassifier } from "./classifier.js";
import { convNorm } from "./convNorm.js";
import { BasicBlock, conv, stage } from "./resNet.js";

/** Settings of a {@link SmallResNet}. */
export interface SmallResNetOptions extends ClassifierOptions {
  /** 6n + 2 layers: 20, 32, 44, 56 and so on. */
  readonly depth: number;
  /** Channels of the first of the three stages, by default 16; those after it have twice as many each. */
  readonly width?: number;
  /** Whether blocks add what they are given; without that the network is a plain one. */
  readonly residual?: boolean;
}

/** The residual networks for images of about 32x32 pixels: three stages of n blocks of two 3x3 convolutions (He et al. 2016, section 4.2). */
export class SmallResNet extends ImageClassifier {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly fc: Linear;

  constructor(options: SmallResNetOptions) {
    super(options, { depth: "required", width: "optional", residual: "optional" });
    const { depth, width = 16, residual = true } = options;
    checkSizes("SmallResNet", { depth, width }, 1);
    check((depth - 2) % 6 === 0 && depth > 2, () => `SmallResNet: got depth ${depth}, expected 6n + 2, such as 20, 32 or 56`);
    const count = (depth - 2) / 6;
    const blocks = (inputs: number, outputs: number, stride: number) =>
      residual ? stage(BasicBlock, inputs, outputs, count, stride) : plainStage(inputs, outputs, count, stride);
    this.conv1 = conv(this.imageChannels, width, 3);
    this.bn1 = new BatchNorm2d(width);
    this.layer1 = blocks(width, width, 1);
    this.layer2 = blocks(width, 2 * width, 2);
    this.layer3 = blocks(2 * width, 4 * width, 2);
    this.fc = new Linear(4 * width, this.classes);
  }

  features(images: Tensor): Tensor {
    this.checkImages(images);
    const stem = relu(this.bn1.forward(this.conv1.forward(images)));
    return [this.layer1, this.layer2, this.layer3].reduce((x, layer) => layer.forward(x), stem);
  }

  classify(maps: Tensor): Tensor {
    return this.fc.forward(channelMeans(maps));
  }
}

/** The layers of as many blocks, none of which adds what it is given. */
const plainStage = (inputs: number, width: number, count: number, stride: number): Sequential =>
  new Sequential(
    ...Array.from({ length: 2 * count }, (_, i) => (i === 0 ? convNorm(inputs, width, 3, { stride }) : convNorm(width, width, 3))),
  );
