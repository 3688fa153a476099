import type { Tensor } from "../graph/tensor.js";
import { LayerNorm } from "./layerNorm.js";
import { Module } from "./module.js";
import type { TransformerLayer, TransformerLayerOptions } from "./transformerLayer.js";

/** Settings of a stack of layers. */
export interface TransformerStackOptions extends TransformerLayerOptions {
  readonly layers: number;
  /** Whether the last layer's output is normalised; by default with `preNorm`. */
  readonly finalNorm?: boolean;
}

/** Layers, each on the output of the one before. */
export abstract class TransformerStack<Layer extends TransformerLayer> extends Module {
  readonly layers: readonly Layer[];
  readonly norm: LayerNorm | undefined;

  constructor(
    readonly size: number,
    { layers, finalNorm, ...options }: TransformerStackOptions,
    makeLayer: (size: number, options: TransformerLayerOptions) => Layer,
  ) {
    super();
    this.layers = Array.from({ length: layers }, () => makeLayer(size, options));
    this.norm = (finalNorm ?? options.preNorm) ? new LayerNorm(size) : undefined;
  }

  /** What the last layer's output is given out as. */
  protected finish(x: Tensor): Tensor {
    return this.norm?.forward(x) ?? x;
  }
}
