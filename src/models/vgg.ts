import type { Tensor } from "../graph/tensor.js";
import { BatchNorm2d } from "../nn/batchNorm.js";
import { Conv2d } from "../nn/conv.js";
import { Dropout } from "../nn/dropout.js";
import { normal, zeros } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { MaxPool2d } from "../nn/pool.js";
import { type Layer, Sequential } from "../nn/sequential.js";
import { relu } from "../ops/activation.js";
import { adaptiveAveragePool } from "../ops/adaptivePool.js";
import { reshape } from "../ops/shapes.js";
import { type ClassifierOptions, ImageClassifier, variantOf } from "./classifier.js";
import { heFanOut } from "./convNorm.js";

/** How many convolutions there are before each pooling (Simonyan and Zisserman 2015, table 1: A, B, D and E). */
const depths = { 11: [1, 1, 2, 2, 2], 13: [2, 2, 2, 2, 2], 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4] } as const;

/** Settings of a {@link Vgg}. */
export interface VggOptions extends ClassifierOptions {
  /** How many layers there are. */
  readonly depth: keyof typeof depths;
  /** Whether each convolution is followed by batch normalisation, by default no. */
  readonly batchNorm?: boolean;
  /** The probability of dropout before the second and the third dense layer, by default 0.5. */
  readonly dropout?: number;
}

const active: Layer = (x) => relu(x);

/** Very deep plain networks of 3x3 convolutions (Simonyan and Zisserman 2015), with torchvision's names. */
export class Vgg extends ImageClassifier {
  readonly blocks: Sequential;
  readonly classifier: Sequential;

  constructor(options: VggOptions) {
    super(options, { depth: "required", batchNorm: "optional", dropout: "optional" });
    const { depth, batchNorm = false, dropout = 0.5 } = options;
    const layers: Layer[] = [];
    let inputs = this.imageChannels;
    for (const [stage, count] of variantOf<readonly number[]>("Vgg", "depth", depths, depth).entries()) {
      const width = Math.min(512, 64 * 2 ** stage);
      for (let i = 0; i < count; i++) {
        layers.push(new Conv2d(inputs, width, 3, { padding: 1, weightInitialiser: heFanOut(), biasInitialiser: zeros }));
        if (batchNorm) layers.push(new BatchNorm2d(width));
        layers.push(active);
        inputs = width;
      }
      layers.push(new MaxPool2d(2));
    }
    const dense = (from: number, to: number) => new Linear(from, to, { weightInitialiser: normal(0, 0.01), biasInitialiser: zeros });
    this.blocks = new Sequential(...layers);
    this.classifier = new Sequential(
      dense(512 * 7 * 7, 4096),
      active,
      new Dropout(dropout),
      dense(4096, 4096),
      active,
      new Dropout(dropout),
      dense(4096, this.classes),
    );
  }

  features(images: Tensor): Tensor {
    this.checkImages(images, [32, 32]);
    return this.blocks.forward(images);
  }

  classify(maps: Tensor): Tensor {
    return this.classifier.forward(reshape(adaptiveAveragePool(maps, 7), [maps.shape[0] as number, -1]));
  }
}
