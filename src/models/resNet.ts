import type { Tensor } from "../graph/tensor.js";
import { BatchNorm2d } from "../nn/batchNorm.js";
import { Conv2d } from "../nn/conv.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { Sequential } from "../nn/sequential.js";
import { relu } from "../ops/activation.js";
import { add } from "../ops/arithmetic.js";
import { maxPool } from "../ops/pool.js";
import { type ClassifierOptions, channelMeans, ImageClassifier, variantOf } from "./classifier.js";
import { convNorm, heFanOut } from "./convNorm.js";

/** A convolution without bias that keeps the size but for its stride. */
export const conv = (inputs: number, outputs: number, kernel: number, stride = 1): Conv2d =>
  new Conv2d(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, bias: false, weightInitialiser: heFanOut() });

/** Where size or channels change, what a block adds is brought to its result's shape by a 1x1 convolution. */
const shortcut = (inputs: number, outputs: number, stride: number): Sequential | undefined =>
  stride === 1 && inputs === outputs ? undefined : convNorm(inputs, outputs, 1, { stride, activation: null });

/** Two 3x3 convolutions beside the identity (He et al. 2016, Deep residual learning, figure 2). */
export class BasicBlock extends Module {
  static readonly expansion = 1;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Sequential | undefined;

  constructor(inputs: number, width: number, stride: number) {
    super();
    this.conv1 = conv(inputs, width, 3, stride);
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = conv(width, width, 3);
    this.bn2 = new BatchNorm2d(width);
    this.downsample = shortcut(inputs, width, stride);
  }

  forward(x: Tensor): Tensor {
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    return relu(add(this.bn2.forward(this.conv2.forward(inner)), this.downsample?.forward(x) ?? x));
  }
}

/** 1x1, 3x3 and 1x1 convolutions beside the identity (He et al. 2016, figure 5), with the stride at the 3x3 one, as PyTorch has it. */
class Bottleneck extends Module {
  static readonly expansion = 4;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly downsample: Sequential | undefined;

  constructor(inputs: number, width: number, stride: number) {
    super();
    const outputs = width * Bottleneck.expansion;
    this.conv1 = conv(inputs, width, 1);
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = conv(width, width, 3, stride);
    this.bn2 = new BatchNorm2d(width);
    this.conv3 = conv(width, outputs, 1);
    this.bn3 = new BatchNorm2d(outputs);
    this.downsample = shortcut(inputs, outputs, stride);
  }

  forward(x: Tensor): Tensor {
    const first = relu(this.bn1.forward(this.conv1.forward(x)));
    const second = relu(this.bn2.forward(this.conv2.forward(first)));
    return relu(add(this.bn3.forward(this.conv3.forward(second)), this.downsample?.forward(x) ?? x));
  }
}

type Block = typeof BasicBlock | typeof Bottleneck;

/** Blocks of one width; the first has the stride. */
export const stage = (block: Block, inputs: number, width: number, count: number, stride: number): Sequential =>
  new Sequential(
    ...Array.from({ length: count }, (_, i) => (i === 0 ? new block(inputs, width, stride) : new block(width * block.expansion, width, 1))),
  );

const depths = {
  18: { block: BasicBlock, counts: [2, 2, 2, 2] },
  34: { block: BasicBlock, counts: [3, 4, 6, 3] },
  50: { block: Bottleneck, counts: [3, 4, 6, 3] },
  101: { block: Bottleneck, counts: [3, 4, 23, 3] },
  152: { block: Bottleneck, counts: [3, 8, 36, 3] },
} as const;

/** Settings of a {@link ResNet}. */
export interface ResNetOptions extends ClassifierOptions {
  /** How many layers there are. */
  readonly depth: keyof typeof depths;
}

/** The residual networks for ImageNet (He et al. 2016, Deep residual learning, table 1), with torchvision's names. */
export class ResNet extends ImageClassifier {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly fc: Linear;

  constructor(options: ResNetOptions) {
    super(options, { depth: "required" });
    const { block, counts } = variantOf<{ readonly block: Block; readonly counts: readonly number[] }>(
      "ResNet",
      "depth",
      depths,
      options.depth,
    );
    const [one = 0, two = 0, three = 0, four = 0] = counts;
    const { expansion } = block;
    this.conv1 = new Conv2d(this.imageChannels, 64, 7, { stride: 2, padding: 3, bias: false, weightInitialiser: heFanOut() });
    this.bn1 = new BatchNorm2d(64);
    this.layer1 = stage(block, 64, 64, one, 1);
    this.layer2 = stage(block, 64 * expansion, 128, two, 2);
    this.layer3 = stage(block, 128 * expansion, 256, three, 2);
    this.layer4 = stage(block, 256 * expansion, 512, four, 2);
    this.fc = new Linear(512 * expansion, this.classes);
  }

  features(images: Tensor): Tensor {
    this.checkImages(images);
    const stem = maxPool(relu(this.bn1.forward(this.conv1.forward(images))), 3, { stride: 2, padding: 1 });
    return [this.layer1, this.layer2, this.layer3, this.layer4].reduce((x, layer) => layer.forward(x), stem);
  }

  classify(maps: Tensor): Tensor {
    return this.fc.forward(channelMeans(maps));
  }
}
