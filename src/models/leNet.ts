import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Conv2d } from "../nn/conv.js";
import { Linear } from "../nn/linear.js";
import { tanh } from "../ops/elementary.js";
import { averagePool } from "../ops/pool.js";
import { reshape } from "../ops/shapes.js";
import { type ClassifierOptions, ImageClassifier } from "./classifier.js";

/** LeNet-5 for images of 28x28 pixels (LeCun et al. 1998, Gradient-based learning applied to document recognition, figure 2). */
export class LeNet5 extends ImageClassifier {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly fc3: Linear;

  /** By default 10 classes and one channel. */
  constructor(options: ClassifierOptions = {}) {
    const { classes = 10, imageChannels = 1, ...rest } = options;
    super({ classes, imageChannels, ...rest });
    this.conv1 = new Conv2d(this.imageChannels, 6, 5, { padding: 2 });
    this.conv2 = new Conv2d(6, 16, 5);
    this.fc1 = new Linear(400, 120);
    this.fc2 = new Linear(120, 84);
    this.fc3 = new Linear(84, this.classes);
  }

  features(images: Tensor): Tensor {
    this.checkImages(images, [28, 28]);
    check(images.shape[2] === 28 && images.shape[3] === 28, () => `LeNet5: got images ${showShape(images.shape)}, expected 28x28 pixels`);
    const first = averagePool(tanh(this.conv1.forward(images)), 2);
    return averagePool(tanh(this.conv2.forward(first)), 2);
  }

  classify(maps: Tensor): Tensor {
    const hidden = tanh(this.fc1.forward(reshape(maps, [maps.shape[0] as number, 400])));
    return this.fc3.forward(tanh(this.fc2.forward(hidden)));
  }
}
