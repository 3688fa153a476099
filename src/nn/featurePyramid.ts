import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { add } from "../ops/arithmetic.js";
import { upsample } from "../ops/resample.js";
import { Conv2d } from "./conv.js";
import { heUniform, zeros } from "./init.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/** Torchvision's first weights of the pyramid's convolutions: Kaiming's uniform with the slope 1 of a leaky ReLU, whose gain is 1. */
const initialisers = { weightInitialiser: heUniform(1), biasInitialiser: zeros } as const;

/**
 * Maps of several sizes, each told what the smaller ones see (Lin et al. 2017, Feature pyramid networks, section 3), with torchvision's names.
 * Each map is brought to `outChannels` by a 1x1 convolution; from the smallest on, the sum so far is enlarged to the next larger map and added to it;
 * a 3x3 convolution of each sum is the result.
 */
export class FeaturePyramid extends Module {
  readonly innerBlocks: readonly Conv2d[];
  readonly layerBlocks: readonly Conv2d[];

  /**
   * @param inChannels of the maps, the largest first
   * @param levels how many results there are, those of the largest maps; by default one for each map
   */
  constructor(
    readonly inChannels: readonly number[],
    readonly outChannels: number,
    readonly levels: number = inChannels.length,
  ) {
    super();
    checkSizes(
      "FeaturePyramid",
      { outChannels, levels, ...Object.fromEntries(inChannels.map((size, i) => [`inChannels[${i}]`, size])) },
      1,
    );
    check(
      levels <= inChannels.length,
      () => `FeaturePyramid: levels ${levels} of ${inChannels.length} maps, expected at most one for each`,
    );
    this.innerBlocks = inChannels.map((size) => new Conv2d(size, outChannels, 1, initialisers));
    this.layerBlocks = Array.from({ length: levels }, () => new Conv2d(outChannels, outChannels, 3, { padding: 1, ...initialisers }));
  }

  /**
   * @param maps `[batch, inChannels[i], height, width]`, the largest first
   * @returns `[batch, outChannels, height, width]` of each of the first `levels` maps
   */
  forward(maps: readonly Tensor[]): Tensor[] {
    check(maps.length === this.inChannels.length, () => `FeaturePyramid: ${maps.length} maps, expected ${this.inChannels.length}`);
    const sums: Tensor[] = [];
    for (let level = maps.length - 1; level >= 0; level--) {
      const inner = (this.innerBlocks[level] as Conv2d).forward(maps[level] as Tensor);
      const above = sums[0];
      sums.unshift(above ? add(inner, upsample(above, { size: inner.shape.slice(2), mode: "nearest" })) : inner);
    }
    return this.layerBlocks.map((block, level) => block.forward(sums[level] as Tensor));
  }

  /** Torchvision's convolutions stand inside another module, as its first layer. */
  override torchName(path: string): string {
    return super.torchName(path.replace(/^(\w+Blocks\.\d+)/, "$1.0"));
  }
}
