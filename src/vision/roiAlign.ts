import { stopGradient } from "../autodiff/custom.js";
import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { abs, add, clip, div, maximum, mul, sub } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { greaterEqual, lessEqual } from "../ops/compare.js";
import { arange } from "../ops/create.js";
import { logicalAnd } from "../ops/logic.js";
import { matmul } from "../ops/matmul.js";
import { mean } from "../ops/reduce.js";
import { reshape, transpose } from "../ops/shapes.js";
import { slice } from "../ops/slicing.js";

/** How {@link roiAlign} samples. */
export interface RoiAlignOptions {
  /** Places of the map to a unit of the boxes: `1 / stride` for boxes in pixels; by default 1. */
  readonly scale?: number;
  /** Samples along each side of a cell, whose mean it is; by default 2. */
  readonly samplingRatio?: number;
}

/**
 * The parts of maps that lie in boxes, each resampled to one size (He et al. 2017, Mask R-CNN, section 3; torchvision's `roi_align` with `aligned`).
 * The mean of bilinear samples is linear along each axis, so it is computed as a product from either side. No gradient flows to the boxes.
 * @param x `[batch, channels, height, width]`
 * @param boxes `[batch, boxes, 4]`: x1, y1, x2, y2
 * @param size cells along each side of the result
 * @returns `[batch, boxes, channels, size, size]`
 */
export function roiAlign(x: Tensor, boxes: Tensor, size: number, options: RoiAlignOptions = {}): Tensor {
  checkOptions<RoiAlignOptions>("roiAlign", options, { scale: "optional", samplingRatio: "optional" });
  const { scale = 1, samplingRatio = 2 } = options;
  check(
    x.rank === 4 && boxes.rank === 3 && boxes.shape[0] === x.shape[0] && boxes.shape[2] === 4,
    () =>
      `roiAlign: maps ${showShape(x.shape)} and boxes ${showShape(boxes.shape)}, expected [batch, channels, height, width] and [batch, n, 4]`,
  );
  check(scale > 0 && Number.isFinite(scale), () => `roiAlign: scale ${scale}, expected a number above 0`);
  for (const [name, value] of Object.entries({ size, samplingRatio })) {
    check(Number.isInteger(value) && value > 0, () => `roiAlign: ${name} ${value}, expected an integer from 1`);
  }
  const [batch, channels, height, width] = x.shape as readonly number[] as [number, number, number, number];
  const count = boxes.shape[1] as number;
  const fixed = mul(stopGradient(boxes), scale);
  const down = weightsAlong(fixed, 1, height, size, samplingRatio); // [batch, boxes, size, height]
  const across = weightsAlong(fixed, 0, width, size, samplingRatio); // [batch, boxes, size, width]
  const rows = matmul(reshape(down, [batch, count * size, height]), reshape(transpose(x, [0, 2, 1, 3]), [batch, height, channels * width]));
  const cells = matmul(reshape(rows, [batch, count, size * channels, width]), transpose(across, [0, 1, 3, 2]));
  return transpose(reshape(cells, [batch, count, size, channels, size]), [0, 1, 3, 2, 4]);
}

/** What each cell takes of each place along an axis (0: x, 1: y), `[batch, boxes, size, places]`. */
function weightsAlong(boxes: Tensor, axis: 0 | 1, places: number, size: number, samplingRatio: number): Tensor {
  const [batch, count] = boxes.shape as readonly number[] as [number, number, number];
  const side = (at: number) => slice(boxes, [[], [], [at, at + 1]]);
  const [from, to] = [side(axis), side(axis + 2)];
  const samples = size * samplingRatio;
  // Samples lie in the middles of equal parts; the centre of place 0 is at half a place.
  const shares = div(add(cast(arange(samples), boxes.dtype), 0.5), samples);
  const at = reshape(sub(add(from, mul(sub(to, from), shares)), 0.5), [batch, count, samples, 1]);
  // Farther than a place from the map there is nothing; nearer, the border goes on.
  const isNear = cast(logicalAnd(greaterEqual(at, -1), lessEqual(at, places)), boxes.dtype);
  const distance = abs(sub(clip(at, 0, places - 1), cast(arange(places), boxes.dtype)));
  const weights = mul(maximum(sub(1, distance), 0), isNear);
  return mean(reshape(weights, [batch, count, size, samplingRatio, places]), { axis: 3 });
}
