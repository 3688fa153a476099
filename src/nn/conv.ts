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

const names = {
  stride: "optional",
  padding: "optional",
  dilation: "optional",
  groups: "optional",
  bias: "optional",
  weightInitialiser: "optional",
  biasInitialiser: "optional",
} as const;

/** A kernel and a bias. Both start uniform in ±1/√n, for the n elements that the kernel has for an index of its first axis, as PyTorch's. */
abstract class Convolution extends Module {
  readonly weight: Variable;
  /** `[outChannels]` */
  readonly bias: Variable | undefined;

  /** @param firstAxes those of the weight before the `rank` spatial ones */
  protected constructor(
    owner: string,
    rank: number,
    readonly inChannels: number,
    readonly outChannels: number,
    kernel: PerAxis,
    { groups = 1, bias = true, weightInitialiser, biasInitialiser }: ConvolutionWeights & { readonly groups?: number },
    firstAxes: (groups: number) => Shape,
  ) {
    super();
    checkSizes(owner, { inChannels, outChannels });
    checkSizes(owner, { groups }, 1);
    check(
      inChannels % groups === 0 && outChannels % groups === 0,
      () => `${owner}: ${inChannels} channels to ${outChannels} in ${groups} groups: expected numbers that the groups divide`,
    );
    const shape = [...firstAxes(groups), ...perAxis(owner, "kernel", kernel, rank, 1)];
    const initialiser = withinRoot(sizeOf(shape.slice(1)));
    this.weight = new Variable((weightInitialiser ?? initialiser)(shape));
    this.bias = bias ? new Variable((biasInitialiser ?? initialiser)([outChannels])) : undefined;
  }
}

/** {@link conv} by a weight `[outChannels, inChannels / groups, ...kernel]`. */
abstract class Forwards extends Convolution {
  readonly geometry: Omit<ConvOptions, "bias">;

  protected constructor(owner: string, rank: number, inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions) {
    checkOptions<ConvLayerOptions>(owner, options, { ...names, paddingMode: "optional" });
    super(owner, rank, inChannels, outChannels, kernel, options, (groups) => [outChannels, inChannels / groups]);
    const { bias, weightInitialiser, biasInitialiser, ...geometry } = options;
    this.geometry = geometry;
  }

  /** `[batch, inChannels, ...places]` to `[batch, outChannels, ...places]`. */
  forward(x: Tensor): Tensor {
    return conv(x, this.weight, { ...this.geometry, bias: this.bias });
  }
}

/** {@link convTranspose} by a weight `[inChannels, outChannels / groups, ...kernel]`. */
abstract class Backwards extends Convolution {
  readonly geometry: Omit<ConvTransposeOptions, "bias">;

  protected constructor(
    owner: string,
    rank: number,
    inChannels: number,
    outChannels: number,
    kernel: PerAxis,
    options: ConvTransposeLayerOptions,
  ) {
    checkOptions<ConvTransposeLayerOptions>(owner, options, { ...names, outputPadding: "optional" });
    super(owner, rank, inChannels, outChannels, kernel, options, (groups) => [inChannels, outChannels / groups]);
    const { bias, weightInitialiser, biasInitialiser, ...geometry } = options;
    this.geometry = geometry;
  }

  /** `[batch, inChannels, ...places]` to `[batch, outChannels, ...places]`. */
  forward(x: Tensor): Tensor {
    return convTranspose(x, this.weight, { ...this.geometry, bias: this.bias });
  }
}

/** {@link conv} of lines `[batch, inChannels, length]`. */
export class Conv1d extends Forwards {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super("Conv1d", 1, inChannels, outChannels, kernel, options);
  }
}

/** {@link conv} of images `[batch, inChannels, height, width]`. */
export class Conv2d extends Forwards {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super("Conv2d", 2, inChannels, outChannels, kernel, options);
  }
}

/** {@link conv} of volumes `[batch, inChannels, depth, height, width]`. */
export class Conv3d extends Forwards {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvLayerOptions = {}) {
    super("Conv3d", 3, inChannels, outChannels, kernel, options);
  }
}

/** {@link convTranspose} of lines `[batch, inChannels, length]`. */
export class ConvTranspose1d extends Backwards {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super("ConvTranspose1d", 1, inChannels, outChannels, kernel, options);
  }
}

/** {@link convTranspose} of images `[batch, inChannels, height, width]`. */
export class ConvTranspose2d extends Backwards {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super("ConvTranspose2d", 2, inChannels, outChannels, kernel, options);
  }
}

/** {@link convTranspose} of volumes `[batch, inChannels, depth, height, width]`. */
export class ConvTranspose3d extends Backwards {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super("ConvTranspose3d", 3, inChannels, outChannels, kernel, options);
  }
}
