import type { Tensor } from "../graph/tensor.js";
import { Dropout } from "../nn/dropout.js";
import { normal, zeros } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { Sequential } from "../nn/sequential.js";
import { hardSwish, relu } from "../ops/activation.js";
import { add, clip, mul } from "../ops/arithmetic.js";
import { channelMeans, checkWidth, ImageClassifier, variantOf } from "./classifier.js";
import { convNorm, roundChannels } from "./convNorm.js";
import type { MobileNetOptions } from "./mobileNetV1.js";
import { SqueezeExcitation } from "./squeezeExcitation.js";

const hardSigmoid = (x: Tensor): Tensor => clip(add(mul(x, 1 / 6), 0.5), 0, 1);
const swish = (x: Tensor): Tensor => hardSwish(x);

/** Torchvision's, as the published weights have them. */
const norm = { epsilon: 0.001, momentum: 0.01 };

/** A row of the paper's tables: kernel, expanded size, channels, whether squeezed and excited, whether h-swish (else ReLU), stride. */
type Row = readonly [kernel: number, expanded: number, channels: number, squeezes: boolean, swishes: boolean, stride: number];

/** Howard et al. 2019, tables 1 and 2. */
const sizes: Readonly<Record<"large" | "small", { readonly rows: readonly Row[]; readonly hidden: number }>> = {
  large: {
    hidden: 1280,
    rows: [
      [3, 16, 16, false, false, 1],
      [3, 64, 24, false, false, 2],
      [3, 72, 24, false, false, 1],
      [5, 72, 40, true, false, 2],
      [5, 120, 40, true, false, 1],
      [5, 120, 40, true, false, 1],
      [3, 240, 80, false, true, 2],
      [3, 200, 80, false, true, 1],
      [3, 184, 80, false, true, 1],
      [3, 184, 80, false, true, 1],
      [3, 480, 112, true, true, 1],
      [3, 672, 112, true, true, 1],
      [5, 672, 160, true, true, 2],
      [5, 960, 160, true, true, 1],
      [5, 960, 160, true, true, 1],
    ],
  },
  small: {
    hidden: 1024,
    rows: [
      [3, 16, 16, true, false, 2],
      [3, 72, 24, false, false, 2],
      [3, 88, 24, false, false, 1],
      [5, 96, 40, true, true, 2],
      [5, 240, 40, true, true, 1],
      [5, 240, 40, true, true, 1],
      [5, 120, 48, true, true, 1],
      [5, 144, 48, true, true, 1],
      [5, 288, 96, true, true, 2],
      [5, 576, 96, true, true, 1],
      [5, 576, 96, true, true, 1],
    ],
  },
};

/** An inverted residual that weighs its inner channels (Howard et al. 2019, figure 4). */
class Block extends Module {
  readonly block: Sequential;
  private readonly isResidual: boolean;

  constructor(inputs: number, [kernel, expanded, outputs, squeezes, swishes, stride]: Row) {
    super();
    const activation = swishes ? swish : (x: Tensor) => relu(x);
    this.block = new Sequential(
      ...(expanded === inputs ? [] : [convNorm(inputs, expanded, 1, { norm, activation })]),
      convNorm(expanded, expanded, kernel, { stride, groups: expanded, norm, activation }),
      ...(squeezes ? [new SqueezeExcitation(expanded, roundChannels(Math.floor(expanded / 4)), { gate: hardSigmoid })] : []),
      convNorm(expanded, outputs, 1, { norm, activation: null }),
    );
    this.isResidual = stride === 1 && inputs === outputs;
  }

  forward(x: Tensor): Tensor {
    const made = this.block.forward(x);
    return this.isResidual ? add(made, x) : made;
  }
}

/** Settings of a {@link MobileNetV3}. */
export interface MobileNetV3Options extends MobileNetOptions {
  readonly size: keyof typeof sizes;
}

/** MobileNetV3 (Howard et al. 2019, Searching for MobileNetV3), with torchvision's names. */
export class MobileNetV3 extends ImageClassifier {
  readonly blocks: Sequential;
  readonly classifier: Sequential;

  constructor(options: MobileNetV3Options) {
    super(options, { size: "required", width: "optional", firstStride: "optional" });
    const { size, width = 1, firstStride = 2 } = options;
    checkWidth("MobileNetV3", width);
    const { rows, hidden } = variantOf("MobileNetV3", "size", sizes, size);
    const scaled = (channels: number) => roundChannels(channels * width);
    const first = scaled(16);
    let inputs = first;
    const blocks = rows.map(([kernel, expanded, channels, ...rest]) => {
      const block = new Block(inputs, [kernel, scaled(expanded), scaled(channels), ...rest]);
      inputs = scaled(channels);
      return block;
    });
    this.blocks = new Sequential(
      convNorm(this.imageChannels, first, 3, { stride: firstStride, norm, activation: swish }),
      ...blocks,
      convNorm(inputs, 6 * inputs, 1, { norm, activation: swish }),
    );
    const dense = (from: number, to: number) => new Linear(from, to, { weightInitialiser: normal(0, 0.01), biasInitialiser: zeros });
    const inner = scaled(hidden);
    this.classifier = new Sequential(dense(6 * inputs, inner), swish, new Dropout(0.2), dense(inner, this.classes));
  }

  features(images: Tensor): Tensor {
    this.checkImages(images);
    return this.blocks.forward(images);
  }

  classify(maps: Tensor): Tensor {
    return this.classifier.forward(channelMeans(maps));
  }
}
