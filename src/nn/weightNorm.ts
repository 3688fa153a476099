import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { normalizeAxis } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { div, mul } from "../ops/arithmetic.js";
import type { AxisOptions } from "../ops/axis.js";
import { norm } from "../ops/reduce.js";
import { Module } from "./module.js";

/** A layer with a weight. */
interface Weighted extends Module {
  readonly weight: Variable;
  forward(...inputs: never[]): Tensor;
}

/** A layer whose weight is `magnitude direction / |direction|`; see {@link weightNorm}. */
export class WeightNorm<Layer extends Weighted> extends Module {
  /** The length of each slice of the weight along the axis; the other axes have size 1. */
  readonly magnitude: Variable;
  /** Of the shape of the weight; its length does not matter. */
  readonly direction: Variable;

  constructor(
    readonly layer: Layer,
    { axis = 0 }: AxisOptions = {},
  ) {
    super();
    const { weight } = layer;
    const kept = normalizeAxis("weightNorm", axis, weight.rank);
    const others = weight.shape.map((_, each) => each).filter((each) => each !== kept);
    const length = (x: Tensor) => norm(x, { axis: others, keepDims: true });
    const { trainable } = weight;
    this.magnitude = new Variable(length(weight), { trainable });
    this.direction = new Variable(weight, { trainable });
    // No field any more: what walks the fields finds the two variables in its place.
    const normalised = () => mul(this.magnitude, div(this.direction, length(this.direction)));
    Object.defineProperty(layer, "weight", { enumerable: false, get: normalised });
  }

  /** What the layer computes with the weight. */
  forward(...inputs: Parameters<Layer["forward"]>): Tensor {
    return this.layer.forward(...inputs);
  }

  override torchName(path: string): string {
    const names: Record<string, string> = {
      magnitude: "parametrizations.weight.original0",
      direction: "parametrizations.weight.original1",
    };
    return names[path] ?? path.replace(/^layer\./, "");
  }
}

/**
 * `layer` with length and direction of each slice of its weight as variables of their own (Salimans and Kingma 2016, equation 2), under the names of
 * PyTorch's `parametrizations.weight_norm`. The weight starts as what it is, frozen if it was; the layer belongs to the result from then on.
 * @param options.axis along which the slices lie; by default the first, that of the outputs
 */
export function weightNorm<Layer extends Weighted>(layer: Layer, options: AxisOptions = {}): WeightNorm<Layer> {
  checkOptions("weightNorm", options, { axis: "optional" });
  check(layer?.weight instanceof Variable, () => "weightNorm: the layer has no weight that is a variable");
  return new WeightNorm(layer, options);
}
