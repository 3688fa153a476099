import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import type { PerAxis } from "../ops/convolutionGeometry.js";
import { fold, type PatchOptions, patchOptionNames, unfold } from "../ops/patches.js";
import { Module } from "./module.js";

/** {@link unfold}: the windows of images as columns. */
export class Unfold extends Module {
  constructor(
    readonly kernel: PerAxis,
    readonly options: PatchOptions = {},
  ) {
    super();
    checkOptions("Unfold", options, patchOptionNames);
  }

  /** `[batch, channels, ...places]` to `[batch, channels * kernel, windows]`. */
  forward(x: Tensor): Tensor {
    return unfold(x, this.kernel, this.options);
  }
}

/** {@link fold}: columns added up at their places of images of sizes `size`. */
export class Fold extends Module {
  constructor(
    readonly size: readonly number[],
    readonly kernel: PerAxis,
    readonly options: PatchOptions = {},
  ) {
    super();
    checkOptions("Fold", options, patchOptionNames);
  }

  /** `[batch, channels * kernel, windows]` to `[batch, channels, ...size]`. */
  forward(x: Tensor): Tensor {
    return fold(x, this.size, this.kernel, this.options);
  }
}
