import type { Tensor } from "../graph/tensor.js";
import { Linear } from "../nn/linear.js";
import { Sequential } from "../nn/sequential.js";
import { type ClassifierOptions, channelMeans, checkWidth, ImageClassifier } from "./classifier.js";
import { convNorm, roundChannels } from "./convNorm.js";

/** Channels and stride of each depthwise separable convolution (Howard et al. 2017, table 1). */
const blocks = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
] as const;

/** Settings of the MobileNets. */
export interface MobileNetOptions extends ClassifierOptions {
  /** The width multiplier of the papers, by default 1. */
  readonly width?: number;
  /** The stride of the first convolution, by default 2; 1 suits images of about 32x32 pixels. */
  readonly firstStride?: 1 | 2;
}

/** MobileNet (Howard et al. 2017): a depthwise 3x3 and a 1x1 convolution, each with normalisation and ReLU, in place of every 3x3 one. */
export class MobileNetV1 extends ImageClassifier {
  readonly layers: Sequential;
  readonly classifier: Linear;

  constructor(options: MobileNetOptions = {}) {
    super(options, { width: "optional", firstStride: "optional" });
    const { width = 1, firstStride = 2 } = options;
    checkWidth("MobileNetV1", width);
    const channels = (count: number) => roundChannels(count * width);
    let inputs = channels(32);
    const separable = blocks.flatMap(([count, stride]) => {
      const outputs = channels(count);
      const pair = [convNorm(inputs, inputs, 3, { stride, groups: inputs }), convNorm(inputs, outputs, 1)];
      inputs = outputs;
      return pair;
    });
    this.layers = new Sequential(convNorm(this.imageChannels, channels(32), 3, { stride: firstStride }), ...separable);
    this.classifier = new Linear(inputs, this.classes);
  }

  features(images: Tensor): Tensor {
    this.checkImages(images);
    return this.layers.forward(images);
  }

  classify(maps: Tensor): Tensor {
    return this.classifier.forward(channelMeans(maps));
  }
}
