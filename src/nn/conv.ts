import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { type Shape, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { type ConvOptions, type ConvTransposeOptions, conv, convTranspose } from "../ops/conv.js";
import { type PerAxis, perAxis } from "../ops/convolutionGeometry.js";
import { type Initialiser, withinRoot } from "./init.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/** What the weights of a convolution start as. */
interface ConvolutionWeights {
  readonly bias?: boolean;
  readonly weightInitialiser?: Initialiser;
  readonly biasInitialiser?: Initialiser;
}

/** Settings of {@link Conv1d}, {@link Conv2d} and {@link Conv3d}. */
export interface ConvLayerOptions extends Omit<ConvOptions, "bias">, ConvolutionWeights {}

/** Settings of {@link ConvTranspose1d}, {@link ConvTranspose2d} and {@link ConvTranspose3d}. */
export interface ConvTransposeLayerOptions extends Omit<ConvTransposeOptions, "bias">, ConvolutionWeights {}

/** A kernel and a bias for `channels` in and out. */
abstract class Convolution extends Module {
  readonly weight: Variable;
  readonly bias: Variable | undefined;

  /** @param shapeOf the shape of the weight for a kernel of the given spatial sizes; a place follows from as many numbers as its last axes hold */
  protected constructor(
    owner: string,
    readonly inChannels: number,
    readonly outChannels: number,
    kernel: readonly number[],
    { groups = 1, bias = true, weightInitialiser, biasInitialiser }: ConvolutionWeights & { readonly groups?: number },
    shapeOf: (groups: number) => Shape,
  ) {
    super();
    checkSizes(owner, { inChannels, outChannels });
    checkSizes(owner, { groups }, 1);
    check(
      inChannels % groups === 0 && outChannels % groups === 0,
      () => `${owner}: ${inChannels} channels to ${outChannels} in ${groups} groups: expected numbers that the groups divide`,
    );
    const shape = [...shapeOf(groups), ...kernel];
    const initialiser = withinRoot(sizeOf(shape.slice(1)));
    this.weight = new Variable((weightInitialiser ?? initialiser)(shape));
    this.bias = bias ? new Variable((biasInitialiser ?? initialiser)([outChannels])) : undefined;
  }
}

abstract class ConvolutionOf extends Convolution {
  readonly options: Omit<ConvOptions, "bias">;

  protected constructor(owner: string, rank: number, inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions) {
    checkOptions(owner, options, {
      stride: "optional",
      padding: "optional",
      dilation: "optional",
      groups: "optional",
      bias: "optional",
      weightInitialiser: "optional",
      biasInitialiser: "optional",
    });
    super(owner, inChannels, outChannels, perAxis(owner, "kernel", kernel, rank, 1), options, (groups) => [
      outChannels,
      inChannels / groups,
    ]);
    const { bias, weightInitialiser, biasInitialiser, ...geometry } = options;
    this.options = geometry;
  }

  /** `[batch, inChannels, ...places]` to `[batch, outChannels, ...places]`. */
  forward(x: Tensor): Tensor {
    return conv(x, this.weight, { ...this.options, bias: this.bias });
  }
}

abstract class TransposedConvolutionOf extends Convolution {
  readonly options: Omit<ConvTransposeOptions, "bias">;

  protected constructor(
    owner: string,
    rank: number,
    inChannels: number,
    outChannels: number,
    kernel: PerAxis,
    options: ConvTransposeLayerOptions,
  ) {
    checkOptions(owner, options, {
      stride: "optional",
      padding: "optional",
      outputPadding: "optional",
      dilation: "optional",
      groups: "optional",
      bias: "optional",
      weightInitialiser: "optional",
      biasInitialiser: "optional",
    });
    super(owner, inChannels, outChannels, perAxis(owner, "kernel", kernel, rank, 1), options, (groups) => [
      inChannels,
      outChannels / groups,
    ]);
    const { bias, weightInitialiser, biasInitialiser, ...geometry } = options;
    this.options = geometry;
  }

  /** `[batch, inChannels, ...places]` to `[batch, outChannels, ...places]`. */
  forward(x: Tensor): Tensor {
    return convTranspose(x, this.weight, { ...this.options, bias: this.bias });
  }
}

/** {@link conv} of lines `[batch, inChannels, length]`. Weight and bias start uniform in ±1/√(inputs of an output), as PyTorch's. */
export class Conv1d extends ConvolutionOf {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super("Conv1d", 1, inChannels, outChannels, kernel, options);
  }
}

/** {@link conv} of images `[batch, inChannels, height, width]`; see {@link Conv1d}. */
export class Conv2d extends ConvolutionOf {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super("Conv2d", 2, inChannels, outChannels, kernel, options);
  }
}

/** {@link conv} of volumes `[batch, inChannels, depth, height, width]`; see {@link Conv1d}. */
export class Conv3d extends ConvolutionOf {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super("Conv3d", 3, inChannels, outChannels, kernel, options);
  }
}

/** {@link convTranspose} of lines `[batch, inChannels, length]`. Weight and bias start uniform in ±1/√(outChannels / groups × kernel), as PyTorch's. */
export class ConvTranspose1d extends TransposedConvolutionOf {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super("ConvTranspose1d", 1, inChannels, outChannels, kernel, options);
  }
}

/** {@link convTranspose} of images `[batch, inChannels, height, width]`; see {@link ConvTranspose1d}. */
export class ConvTranspose2d extends TransposedConvolutionOf {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super("ConvTranspose2d", 2, inChannels, outChannels, kernel, options);
  }
}

/** {@link convTranspose} of volumes `[batch, inChannels, depth, height, width]`; see {@link ConvTranspose1d}. */
export class ConvTranspose3d extends TransposedConvolutionOf {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super("ConvTranspose3d", 3, inChannels, outChannels, kernel, options);
  }
}
