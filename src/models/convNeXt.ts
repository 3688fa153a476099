import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { LayerNorm2d } from "../nn/channelNorm.js";
import { Conv2d } from "../nn/conv.js";
import { DropPath } from "../nn/dropout.js";
import { truncatedNormal, zeros } from "../nn/init.js";
import { LayerNorm } from "../nn/layerNorm.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { Sequential } from "../nn/sequential.js";
import { gelu } from "../ops/activation.js";
import { globalAveragePool } from "../ops/adaptivePool.js";
import { add, mul } from "../ops/arithmetic.js";
import { full } from "../ops/create.js";
import { reshape, transpose } from "../ops/shapes.js";
import { type ClassifierOptions, ImageClassifier } from "./classifier.js";

const start = { weightInitialiser: truncatedNormal(0, 0.02), biasInitialiser: zeros };

/** A depthwise 7x7 convolution, then two dense layers at each place (Liu et al. 2022, figure 4). */
class Block extends Module {
  readonly block: Sequential;
  /** What is added counts so much, `[channels, 1, 1]`. */
  readonly layerScale: Variable;
  readonly path: DropPath;

  constructor(channels: number, dropPath: number) {
    super();
    this.block = new Sequential(
      new Conv2d(channels, channels, 7, { padding: 3, groups: channels, ...start }),
      (x: Tensor) => transpose(x, [0, 2, 3, 1]),
      new LayerNorm(channels, 1e-6),
      new Linear(channels, 4 * channels, start),
      (x: Tensor) => gelu(x),
      new Linear(4 * channels, channels, start),
      (x: Tensor) => transpose(x, [0, 3, 1, 2]),
    );
    this.layerScale = new Variable(full([channels, 1, 1], 1e-6));
    this.path = new DropPath(dropPath);
  }

  forward(x: Tensor): Tensor {
    return add(this.path.forward(mul(this.block.forward(x), this.layerScale)), x);
  }
}

/** Channels and blocks of each stage (Liu et al. 2022, section 3: ConvNeXt-T). */
const stages = [
  [96, 3],
  [192, 3],
  [384, 9],
  [768, 3],
] as const;

/** Settings of a {@link ConvNeXtTiny}. */
export interface ConvNeXtOptions extends ClassifierOptions {
  /** The probability by which the last block is left out, by default 0.1; that of those before rises evenly from 0. */
  readonly dropPath?: number;
}

/** ConvNeXt-T (Liu et al. 2022, A ConvNet for the 2020s), with torchvision's names. */
export class ConvNeXtTiny extends ImageClassifier {
  readonly blocks: Sequential;
  readonly classifier: Sequential;

  constructor(options: ConvNeXtOptions = {}) {
    super(options, { dropPath: "optional" });
    const { dropPath = 0.1 } = options;
    const total = stages.reduce((sum, [, count]) => sum + count, 0);
    let index = 0;
    const layers = stages.flatMap(([channels, count], i) => {
      const before = stages[i - 1]?.[0];
      const smaller =
        before === undefined ? [] : [new Sequential(new LayerNorm2d(before), new Conv2d(before, channels, 2, { stride: 2, ...start }))];
      const blocks = Array.from({ length: count }, () => new Block(channels, (dropPath * index++) / (total - 1)));
      return [...smaller, new Sequential(...blocks)];
    });
    const stem = new Sequential(new Conv2d(this.imageChannels, 96, 4, { stride: 4, ...start }), new LayerNorm2d(96));
    this.blocks = new Sequential(stem, ...layers);
    const flatten = (x: Tensor) => reshape(x, [x.shape[0] as number, x.shape[1] as number]);
    this.classifier = new Sequential(new LayerNorm2d(768), flatten, new Linear(768, this.classes, start));
  }

  features(images: Tensor): Tensor {
    this.checkImages(images, [32, 32]);
    return this.blocks.forward(images);
  }

  classify(maps: Tensor): Tensor {
    return this.classifier.forward(globalAveragePool(maps));
  }
}
