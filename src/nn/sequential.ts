import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { Module } from "./module.js";

/** What takes one tensor and gives one: a module, or a function such as `relu`. */
export type Layer = (Module & { forward(x: Tensor): Tensor }) | ((x: Tensor) => Tensor);

/** Layers, each on the result of the one before. */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(...layers: Layer[]) {
    super();
    layers.forEach((layer, i) => {
      const isLayer = layer instanceof Module || typeof layer === "function";
      check(
        isLayer,
        () => `Sequential: layer ${i} is ${Array.isArray(layer) ? "a list: write new Sequential(...layers)" : `a ${typeof layer}`}`,
      );
    });
    this.layers = layers;
  }

  /** What the first layer takes to what the last one gives. */
  forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer) => (layer instanceof Module ? layer.forward(value) : layer(value)), x);
  }

  override torchName(path: string): string {
    return path.replace(/^layers\./, "");
  }
}
