import type { Tensor } from "../graph/tensor.js";
import { Dropout, DropPath } from "../nn/dropout.js";
import { uniform, zeros } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { Sequential } from "../nn/sequential.js";
import { sigmoid, silu } from "../ops/activation.js";
import { add } from "../ops/arithmetic.js";
import { type ClassifierOptions, channelMeans, ImageClassifier } from "./classifier.js";
import { convNorm } from "./convNorm.js";
import { SqueezeExcitation } from "./squeezeExcitation.js";

const active = (x: Tensor): Tensor => silu(x);
const gate = (x: Tensor): Tensor => sigmoid(x);

/** Expansion, kernel, stride of the first block, channels and how many blocks (Tan and Le 2019, table 1). */
const stages = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;

/** An inverted residual with squeeze and excitation, left out at random for some examples in training. */
class MobileBlock extends Module {
  readonly block: Sequential;
  readonly path: DropPath;
  private readonly isResidual: boolean;

  constructor(inputs: number, outputs: number, kernel: number, stride: number, expansion: number, dropPath: number) {
    super();
    const inner = inputs * expansion;
    this.block = new Sequential(
      ...(expansion === 1 ? [] : [convNorm(inputs, inner, 1, { activation: active })]),
      convNorm(inner, inner, kernel, { stride, groups: inner, activation: active }),
      new SqueezeExcitation(inner, Math.max(1, Math.floor(inputs / 4)), { activation: active, gate }),
      convNorm(inner, outputs, 1, { activation: null }),
    );
    this.path = new DropPath(dropPath);
    this.isResidual = stride === 1 && inputs === outputs;
  }

  forward(x: Tensor): Tensor {
    const made = this.block.forward(x);
    return this.isResidual ? add(this.path.forward(made), x) : made;
  }
}

/** Settings of an {@link EfficientNetB0}. */
export interface EfficientNetOptions extends ClassifierOptions {
  /** The probability by which a block behind the last would be left out, by default 0.2: that of the blocks rises evenly from 0. */
  readonly dropPath?: number;
}

/** EfficientNet-B0 (Tan and Le 2019), with torchvision's names. */
export class EfficientNetB0 extends ImageClassifier {
  readonly blocks: Sequential;
  readonly classifier: Sequential;

  constructor(options: EfficientNetOptions = {}) {
    super(options, { dropPath: "optional" });
    const { dropPath = 0.2 } = options;
    const total = stages.reduce((sum, [, , , , count]) => sum + count, 0);
    let [inputs, index] = [32, 0];
    const made = stages.map(([expansion, kernel, stride, outputs, count]) => {
      const blocks = Array.from({ length: count }, (_, i) => {
        const block = new MobileBlock(inputs, outputs, kernel, i === 0 ? stride : 1, expansion, (dropPath * index++) / total);
        inputs = outputs;
        return block;
      });
      return new Sequential(...blocks);
    });
    this.blocks = new Sequential(
      convNorm(this.imageChannels, 32, 3, { stride: 2, activation: active }),
      ...made,
      convNorm(inputs, 1280, 1, { activation: active }),
    );
    const range = 1 / Math.sqrt(this.classes);
    const output = new Linear(1280, this.classes, { weightInitialiser: uniform(-range, range), biasInitialiser: zeros });
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
