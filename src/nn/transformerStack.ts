import { checkOptions, type OptionNames } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { LayerNorm } from "./layerNorm.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";
import { type TransformerLayer, type TransformerLayerOptions, transformerLayerOptions } from "./transformerLayer.js";

/** Settings of a stack of layers. */
export interface TransformerStackOptions extends TransformerLayerOptions {
  readonly layers: number;
  /** Whether the last layer's output is normalised; by default with `preNorm`. */
  readonly finalNorm?: boolean;
}

/** The names of the options of a stack. */
export const transformerStackOptions: OptionNames<TransformerStackOptions> = {
  ...transformerLayerOptions,
  layers: "required",
  finalNorm: "optional",
};

/** Layers, each on the output of the one before. */
export abstract class TransformerStack<Layer extends TransformerLayer> extends Module {
  readonly layers: readonly Layer[];
  readonly norm: LayerNorm | undefined;

  constructor(
    readonly size: number,
    options: TransformerStackOptions,
    makeLayer: (size: number, options: TransformerLayerOptions) => Layer,
  ) {
    super();
    checkOptions(this.constructor.name, options, transformerStackOptions);
    const { layers, finalNorm, ...ofLayer } = options;
    checkSizes(this.constructor.name, { size, layers });
    this.layers = Array.from({ length: layers }, () => makeLayer(size, ofLayer));
    this.norm = (finalNorm ?? options.preNorm) ? new LayerNorm(size) : undefined;
  }

  /** What the last layer's output is given out as. */
  protected finish(x: Tensor): Tensor {
    return this.norm?.forward(x) ?? x;
  }
}
