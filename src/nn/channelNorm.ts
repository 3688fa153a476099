import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkOptions } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { groupNorm, instanceNorm, type LocalResponseNormOptions, localResponseNorm } from "../ops/channelNorm.js";
import { ones, zeros } from "../ops/create.js";
import { layerNorm } from "../ops/normalize.js";
import { transpose } from "../ops/shapes.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/** Settings of the normalisations of channels. */
export interface ChannelNormLayerOptions {
  /** What is added to the variance; by default 1e-5. */
  readonly epsilon?: number;
  /** Whether there are a weight and a bias of each channel; by default as in PyTorch: of groups yes, of instances no. */
  readonly affine?: boolean;
}

/** A weight, which starts as ones, and a bias, which starts as zeros, of each channel. */
abstract class ChannelNorm extends Module {
  /** `[channels]` */
  readonly weight: Variable | undefined;
  /** `[channels]` */
  readonly bias: Variable | undefined;
  readonly epsilon: number;

  protected constructor(
    owner: string,
    readonly channels: number,
    options: ChannelNormLayerOptions,
    affineByDefault: boolean,
  ) {
    super();
    checkOptions(owner, options, { epsilon: "optional", affine: "optional" });
    checkSizes(owner, { channels });
    const { epsilon = 1e-5, affine = affineByDefault } = options;
    checkNumbers(owner, { epsilon });
    this.epsilon = epsilon;
    this.weight = affine ? new Variable(ones([channels])) : undefined;
    this.bias = affine ? new Variable(zeros([channels])) : undefined;
  }
}

/** {@link instanceNorm} of images of one rank. */
abstract class InstanceNorm extends ChannelNorm {
  protected constructor(
    owner: string,
    channels: number,
    options: ChannelNormLayerOptions,
    private readonly rank: number,
  ) {
    super(owner, channels, options, false);
  }

  /** `[batch, channels, ...places]`, which stays. */
  forward(x: Tensor): Tensor {
    const { rank, channels, weight, bias, epsilon } = this;
    check(
      x.rank === rank && x.shape[1] === channels,
      () => `${this.constructor.name}: got ${showShape(x.shape)}, expected rank ${rank} with ${channels} channels along axis 1`,
    );
    return instanceNorm(x, { weight, bias, epsilon });
  }
}

/** Each channel of each example normalised over its places: `[batch, channels, length]` (Ulyanov et al. 2016). */
export class InstanceNorm1d extends InstanceNorm {
  constructor(channels: number, options: ChannelNormLayerOptions = {}) {
    super("InstanceNorm1d", channels, options, 3);
  }
}

/** Each channel of each example normalised over its places: `[batch, channels, height, width]` (Ulyanov et al. 2016). */
export class InstanceNorm2d extends InstanceNorm {
  constructor(channels: number, options: ChannelNormLayerOptions = {}) {
    super("InstanceNorm2d", channels, options, 4);
  }
}

/** Each channel of each example normalised over its places: `[batch, channels, depth, height, width]` (Ulyanov et al. 2016). */
export class InstanceNorm3d extends InstanceNorm {
  constructor(channels: number, options: ChannelNormLayerOptions = {}) {
    super("InstanceNorm3d", channels, options, 5);
  }
}

/** Groups of channels of each example normalised together (Wu and He 2018). */
export class GroupNorm extends ChannelNorm {
  /** @param groups how many; they divide the channels evenly */
  constructor(
    readonly groups: number,
    channels: number,
    options: ChannelNormLayerOptions = {},
  ) {
    super("GroupNorm", channels, options, true);
    checkSizes("GroupNorm", { groups }, 1);
    check(channels % groups === 0, () => `GroupNorm: ${channels} channels in ${groups} groups: expected a divisor of the channels`);
  }

  /** `[batch, channels, ...places]`, which stays. */
  forward(x: Tensor): Tensor {
    const { weight, bias, epsilon } = this;
    check(x.shape[1] === this.channels, () => `GroupNorm: got ${showShape(x.shape)}, expected ${this.channels} channels along axis 1`);
    return groupNorm(x, this.groups, { weight, bias, epsilon });
  }
}

/** Layer normalisation of the channels at each place of an image, with PyTorch's names and the epsilon of ConvNeXt (Liu et al. 2022, section 2.6). */
export class LayerNorm2d extends Module {
  /** `[channels]`, starts as ones. */
  readonly weight: Variable;
  /** `[channels]`, starts as zeros. */
  readonly bias: Variable;

  constructor(
    readonly channels: number,
    readonly epsilon = 1e-6,
  ) {
    super();
    checkSizes("LayerNorm2d", { channels });
    this.weight = new Variable(ones([channels]));
    this.bias = new Variable(zeros([channels]));
  }

  /** `[batch, channels, height, width]`, which stays. */
  forward(x: Tensor): Tensor {
    check(
      x.rank === 4 && x.shape[1] === this.channels,
      () => `LayerNorm2d: got ${showShape(x.shape)}, expected [batch, ${this.channels}, height, width]`,
    );
    return transpose(layerNorm(transpose(x, [0, 2, 3, 1]), this.weight, this.bias, this.epsilon), [0, 3, 1, 2]);
  }
}

/** {@link localResponseNorm} as a layer. */
export class LocalResponseNorm extends Module {
  /** @param size how many neighbouring channels count */
  constructor(
    readonly size: number,
    readonly options: LocalResponseNormOptions = {},
  ) {
    super();
    checkOptions("LocalResponseNorm", options, { alpha: "optional", beta: "optional", k: "optional" });
    checkSizes("LocalResponseNorm", { size }, 1);
  }

  /** `[batch, channels, ...places]`, which stays. */
  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.options);
  }
}
