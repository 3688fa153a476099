import type { Tensor } from "../graph/tensor.js";
import { Conv2d } from "../nn/conv.js";
import { normal } from "../nn/init.js";
import { Module } from "../nn/module.js";
import { Sequential } from "../nn/sequential.js";
import { add, minimum, mul, sub } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { arange, full } from "../ops/create.js";
import { exp } from "../ops/elementary.js";
import { expand, reshape, transpose } from "../ops/shapes.js";
import { concat, split } from "../ops/slicing.js";
import { largestLogRatio } from "../vision/boxes.js";
import type { PlacePredictions } from "../vision/placeLoss.js";
import { convNorm } from "./convNorm.js";

/** The logit of 0.01, the score that everything starts with (Lin et al. 2017, Focal loss, section 4.1). */
export const firstLogit = Math.log(0.01 / 0.99);

/** Convolutions of each tower. */
const depth = 2;

/**
 * Predicts an object at each place of a map, without anchors: the score of each class, and how far the box's sides lie from the place (Tian et al. 2019,
 * FCOS, section 3.1). Scores and sides have a tower of convolutions each.
 */
export class PlaceHead extends Module {
  readonly classTower: Sequential;
  readonly boxTower: Sequential;
  readonly classLogits: Conv2d;
  readonly boxSides: Conv2d;

  /** @param stride pixels from one place to the next */
  constructor(
    readonly channels: number,
    readonly classes: number,
    readonly stride: number,
  ) {
    super();
    const tower = () => new Sequential(...Array.from({ length: depth }, () => convNorm(channels, channels, 3)));
    const last = (outputs: number, bias: number) =>
      new Conv2d(channels, outputs, 3, { padding: 1, weightInitialiser: normal(0, 0.01), biasInitialiser: (shape) => full(shape, bias) });
    this.classTower = tower();
    this.boxTower = tower();
    this.classLogits = last(classes, firstLogit);
    this.boxSides = last(4, 1);
  }

  /** @param x `[batch, channels, height, width]`; the places are counted row by row */
  forward(x: Tensor): PlacePredictions {
    const [batch, , height, width] = x.shape as readonly number[] as [number, number, number, number];
    const byPlace = (maps: Tensor, outputs: number) => transpose(reshape(maps, [batch, outputs, height * width]), [0, 2, 1]);
    const logits = byPlace(this.classLogits.forward(this.classTower.forward(x)), this.classes);
    const sides = byPlace(this.boxSides.forward(this.boxTower.forward(x)), 4);
    // Sides are predicted as logarithms of distances in strides.
    const distances = mul(exp(minimum(sides, largestLogRatio)), this.stride);
    const [left, top, right, bottom] = split(distances, 4, { axis: -1 }) as [Tensor, Tensor, Tensor, Tensor];
    const [across, down] = centresOf(height, width, this.stride);
    return { logits, boxes: concat([sub(across, left), sub(down, top), add(across, right), add(down, bottom)], { axis: -1 }) };
  }
}

/** The coordinates of all places, `[places, 1]` each. */
function centresOf(height: number, width: number, stride: number): [across: Tensor, down: Tensor] {
  const along = (size: number) => mul(add(cast(arange(size), "float32"), 0.5), stride);
  const all = (centres: Tensor) => reshape(expand(centres, [height, width]), [height * width, 1]);
  return [all(reshape(along(width), [1, width])), all(reshape(along(height), [height, 1]))];
}
