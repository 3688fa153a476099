import type { Tensor } from "../graph/tensor.js";
import { FeaturePyramid } from "../nn/featurePyramid.js";
import { Module } from "../nn/module.js";
import type { Sequential } from "../nn/sequential.js";
import { checkSizes } from "../nn/sizes.js";
import { convNorm } from "./convNorm.js";
import { BasicBlock, stage } from "./resNet.js";

/**
 * A small residual network (He et al. 2016) with a feature pyramid (Lin et al. 2017) that joins its maps of strides 8, 16 and 32 into one of stride 8.
 */
export class PyramidBackbone extends Module {
  /** Pixels from one place of the map to the next. */
  readonly stride = 8;
  /** Those of the map. */
  readonly channels: number;
  readonly stem: Sequential;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly pyramid: FeaturePyramid;

  /**
   * @param imageChannels of the images
   * @param width channels of the first map; each of the four stages after it has twice as many as the one before
   */
  constructor(
    readonly imageChannels: number,
    readonly width: number,
  ) {
    super();
    checkSizes("PyramidBackbone", { imageChannels, width }, 1);
    this.channels = 4 * width;
    this.stem = convNorm(imageChannels, width, 3, { stride: 2 });
    this.layer1 = stage(BasicBlock, width, 2 * width, 1, 2);
    this.layer2 = stage(BasicBlock, 2 * width, 4 * width, 2, 2);
    this.layer3 = stage(BasicBlock, 4 * width, 8 * width, 2, 2);
    this.layer4 = stage(BasicBlock, 8 * width, 16 * width, 1, 2);
    this.pyramid = new FeaturePyramid([4 * width, 8 * width, 16 * width], this.channels, 1);
  }

  /** `[batch, imageChannels, height, width]` to `[batch, 4 width, height / 8, width / 8]`, rounded up. */
  forward(images: Tensor): Tensor {
    const fine = this.layer2.forward(this.layer1.forward(this.stem.forward(images)));
    const middle = this.layer3.forward(fine);
    return this.pyramid.forward([fine, middle, this.layer4.forward(middle)])[0] as Tensor;
  }
}
