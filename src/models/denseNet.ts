import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { BatchNorm2d } from "../nn/batchNorm.js";
import { Conv2d } from "../nn/conv.js";
import { Dropout } from "../nn/dropout.js";
import { heNormal, zeros } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { checkSizes } from "../nn/sizes.js";
import { relu } from "../ops/activation.js";
import { averagePool, maxPool } from "../ops/pool.js";
import { concat } from "../ops/slicing.js";
import { type ClassifierOptions, channelMeans, ImageClassifier, variantOf } from "./classifier.js";

const conv = (inputs: number, outputs: number, kernel: number, stride = 1): Conv2d =>
  new Conv2d(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, bias: false, weightInitialiser: heNormal() });

/** Makes `growth` channels from all before it: normalisation, ReLU and a 3x3 convolution, after a 1x1 one of four times as many where it is narrowed. */
class DenseLayer extends Module {
  readonly norm1: BatchNorm2d;
  readonly conv1: Conv2d;
  readonly norm2: BatchNorm2d | undefined;
  readonly conv2: Conv2d | undefined;
  readonly dropout: Dropout;

  constructor(inputs: number, growth: number, bottleneck: boolean, dropout: number) {
    super();
    this.norm1 = new BatchNorm2d(inputs);
    this.conv1 = bottleneck ? conv(inputs, 4 * growth, 1) : conv(inputs, growth, 3);
    this.norm2 = bottleneck ? new BatchNorm2d(4 * growth) : undefined;
    this.conv2 = bottleneck ? conv(4 * growth, growth, 3) : undefined;
    this.dropout = new Dropout(dropout);
  }

  forward(x: Tensor): Tensor {
    const first = this.conv1.forward(relu(this.norm1.forward(x)));
    const second = this.norm2 && this.conv2 ? this.conv2.forward(relu(this.norm2.forward(first))) : first;
    return this.dropout.forward(second);
  }
}

/** Layers each of which is given what all before it made. */
class DenseBlock extends Module {
  readonly layers: readonly DenseLayer[];

  constructor(count: number, inputs: number, growth: number, bottleneck: boolean, dropout: number) {
    super();
    this.layers = Array.from({ length: count }, (_, i) => new DenseLayer(inputs + i * growth, growth, bottleneck, dropout));
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((all, layer) => concat([all, layer.forward(all)], { axis: 1 }), x);
  }

  override torchName(path: string): string {
    return super.torchName(path.replace(/^layers\.(\d+)/, (_, index) => `denselayer${Number(index) + 1}`));
  }
}

/** Fewer channels, and half the height and width. */
class Transition extends Module {
  readonly norm: BatchNorm2d;
  readonly conv: Conv2d;

  constructor(inputs: number, outputs: number) {
    super();
    this.norm = new BatchNorm2d(inputs);
    this.conv = conv(inputs, outputs, 1);
  }

  forward(x: Tensor): Tensor {
    return averagePool(this.conv.forward(relu(this.norm.forward(x))), 2);
  }
}

/** Dense blocks with transitions between them, and a last normalisation. */
class DenseStages extends Module {
  readonly blocks: readonly DenseBlock[];
  readonly transitions: readonly Transition[];
  readonly norm: BatchNorm2d;
  /** Channels at the end. */
  readonly outputs: number;

  constructor(inputs: number, counts: readonly number[], growth: number, bottleneck: boolean, compression: number, dropout: number) {
    super();
    const blocks: DenseBlock[] = [];
    const transitions: Transition[] = [];
    let channels = inputs;
    for (const [i, count] of counts.entries()) {
      blocks.push(new DenseBlock(count, channels, growth, bottleneck, dropout));
      channels += count * growth;
      if (i === counts.length - 1) continue;
      const fewer = Math.floor(channels * compression);
      transitions.push(new Transition(channels, fewer));
      channels = fewer;
    }
    this.blocks = blocks;
    this.transitions = transitions;
    this.norm = new BatchNorm2d(channels);
    this.outputs = channels;
  }

  forward(x: Tensor): Tensor {
    const last = this.blocks.reduce((value, block, i) => {
      const made = block.forward(value);
      return this.transitions[i]?.forward(made) ?? made;
    }, x);
    return relu(this.norm.forward(last));
  }

  override torchName(path: string): string {
    const named = path
      .replace(/^blocks\.(\d+)/, (_, index) => `denseblock${Number(index) + 1}`)
      .replace(/^transitions\.(\d+)/, (_, index) => `transition${Number(index) + 1}`)
      .replace(/^norm\./, "norm5.");
    return super.torchName(named);
  }
}

const depths = {
  121: { counts: [6, 12, 24, 16], growth: 32, first: 64 },
  161: { counts: [6, 12, 36, 24], growth: 48, first: 96 },
  169: { counts: [6, 12, 32, 32], growth: 32, first: 64 },
  201: { counts: [6, 12, 48, 32], growth: 32, first: 64 },
} as const;

/** Settings of a {@link DenseNet}. */
export interface DenseNetOptions extends ClassifierOptions {
  /** How many layers there are. */
  readonly depth: keyof typeof depths;
}

/** Densely connected networks for ImageNet (Huang et al. 2017, table 1, DenseNet-BC), with torchvision's names. */
export class DenseNet extends ImageClassifier {
  readonly conv0: Conv2d;
  readonly norm0: BatchNorm2d;
  readonly stages: DenseStages;
  readonly classifier: Linear;

  constructor(options: DenseNetOptions) {
    super(options, { depth: "required" });
    const { counts, growth, first } = variantOf<{ readonly counts: readonly number[]; readonly growth: number; readonly first: number }>(
      "DenseNet",
      "depth",
      depths,
      options.depth,
    );
    this.conv0 = conv(this.imageChannels, first, 7, 2);
    this.norm0 = new BatchNorm2d(first);
    this.stages = new DenseStages(first, counts, growth, true, 0.5, 0);
    this.classifier = new Linear(this.stages.outputs, this.classes, { biasInitialiser: zeros });
  }

  features(images: Tensor): Tensor {
    this.checkImages(images);
    return this.stages.forward(maxPool(relu(this.norm0.forward(this.conv0.forward(images))), 3, { stride: 2, padding: 1 }));
  }

  classify(maps: Tensor): Tensor {
    return this.classifier.forward(channelMeans(maps));
  }

  override torchName(path: string): string {
    return super.torchName(path.replace(/^(stages\.|(?=conv0|norm0))/, "features."));
  }
}

/** Settings of a {@link SmallDenseNet}. */
export interface SmallDenseNetOptions extends ClassifierOptions {
  /** Layers in all, such as 40 or 100. */
  readonly depth: number;
  /** Channels that each layer adds, such as 12. */
  readonly growth: number;
  /** Whether layers are narrowed by 1x1 convolutions, and transitions halve the channels (DenseNet-BC); by default yes. */
  readonly bottleneck?: boolean;
  /** The probability of dropout after each layer, by default 0. */
  readonly dropout?: number;
}

/** Densely connected networks for images of about 32x32 pixels: three blocks of as many layers (Huang et al. 2017, sections 3 and 4.2). */
export class SmallDenseNet extends ImageClassifier {
  readonly conv0: Conv2d;
  readonly stages: DenseStages;
  readonly classifier: Linear;

  constructor(options: SmallDenseNetOptions) {
    super(options, { depth: "required", growth: "required", bottleneck: "optional", dropout: "optional" });
    const { depth, growth, bottleneck = true, dropout = 0 } = options;
    checkSizes("SmallDenseNet", { depth, growth }, 1);
    const each = (depth - 4) / (bottleneck ? 6 : 3);
    check(
      Number.isInteger(each) && each > 0,
      () => `SmallDenseNet: got depth ${depth}, expected ${bottleneck ? "6n + 4, such as 40 or 100" : "3n + 4, such as 40"}`,
    );
    const first = bottleneck ? 2 * growth : 16;
    this.conv0 = conv(this.imageChannels, first, 3);
    this.stages = new DenseStages(first, [each, each, each], growth, bottleneck, bottleneck ? 0.5 : 1, dropout);
    this.classifier = new Linear(this.stages.outputs, this.classes, { biasInitialiser: zeros });
  }

  features(images: Tensor): Tensor {
    this.checkImages(images);
    return this.stages.forward(this.conv0.forward(images));
  }

  classify(maps: Tensor): Tensor {
    return this.classifier.forward(channelMeans(maps));
  }
}
