import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { pixelShuffle, pixelUnshuffle, type UpsampleOptions, upsample } from "../ops/resample.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/** {@link upsample} as a layer. */
export class Upsample extends Module {
  constructor(readonly options: UpsampleOptions) {
    super();
    checkOptions("Upsample", options, { size: "optional", scale: "optional", mode: "optional", alignCorners: "optional" });
  }

  /** `[batch, channels, ...places]` to as many channels of other places. */
  forward(x: Tensor): Tensor {
    return upsample(x, this.options);
  }
}

/** {@link pixelShuffle} as a layer. */
export class PixelShuffle extends Module {
  constructor(readonly factor: number) {
    super();
    checkSizes("PixelShuffle", { factor }, 1);
  }

  /** `[batch, channels factor², height, width]` to `[batch, channels, height factor, width factor]`. */
  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.factor);
  }
}

/** {@link pixelUnshuffle} as a layer. */
export class PixelUnshuffle extends Module {
  constructor(readonly factor: number) {
    super();
    checkSizes("PixelUnshuffle", { factor }, 1);
  }

  /** `[batch, channels, height factor, width factor]` to `[batch, channels factor², height, width]`. */
  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.factor);
  }
}
