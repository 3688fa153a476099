import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add, div, maximum, minimum, mul, sub, where } from "../ops/arithmetic.js";
import { lessEqual } from "../ops/compare.js";
import { tensor } from "../ops/constants.js";
import { exp, log } from "../ops/elementary.js";
import { mean } from "../ops/reduce.js";
import { squeeze } from "../ops/shapes.js";
import { concat, split } from "../ops/slicing.js";
import { largestLogRatio } from "./boxes.js";

/** A quotient of areas, 0 where there is none. */
const share = (part: Tensor, whole: Tensor): Tensor => {
  const isNone = lessEqual(whole, 0);
  return where(isNone, 0, div(part, where(isNone, 1, whole)));
};

/** Each corner's coordinate, `[..., 1]`. */
function columns(owner: string, boxes: Tensor): readonly [Tensor, Tensor, Tensor, Tensor] {
  check(boxes.shape.at(-1) === 4, () => `${owner}: boxes ${showShape(boxes.shape)}, expected [..., 4]: x1, y1, x2, y2`);
  return split(boxes, 4, { axis: -1 }) as unknown as readonly [Tensor, Tensor, Tensor, Tensor];
}

/** IoU and the share of the box around both that neither covers, `[..., 1]`. */
function compared(owner: string, a: Tensor, b: Tensor): { readonly overlap: Tensor; readonly uncovered: () => Tensor } {
  const [ax1, ay1, ax2, ay2] = columns(owner, a);
  const [bx1, by1, bx2, by2] = columns(owner, b);
  const product = (left: Tensor, top: Tensor, right: Tensor, bottom: Tensor) => mul(sub(right, left), sub(bottom, top));
  const width = maximum(sub(minimum(ax2, bx2), maximum(ax1, bx1)), 0);
  const height = maximum(sub(minimum(ay2, by2), maximum(ay1, by1)), 0);
  const intersection = mul(width, height);
  const union = sub(add(product(ax1, ay1, ax2, ay2), product(bx1, by1, bx2, by2)), intersection);
  const uncovered = () => {
    const around = product(minimum(ax1, bx1), minimum(ay1, by1), maximum(ax2, bx2), maximum(ay2, by2));
    return share(sub(around, union), around);
  };
  return { overlap: share(intersection, union), uncovered };
}

/**
 * Intersection over union of each box of `a` with the box of `b` in its place, with gradients.
 * @param a `[..., 4]`: x1, y1, x2, y2
 * @param b of a shape that `a`'s broadcasts with: `[n, 1, 4]` and `[m, 4]` give all pairs `[n, m]`
 */
export const iouOfBoxes = (a: Tensor, b: Tensor): Tensor => squeeze(compared("iouOfBoxes", a, b).overlap, { axis: -1 });

/** As {@link iouOfBoxes}, generalized: boxes apart have a gradient too (Rezatofighi et al. 2019, algorithm 1). */
export function giouOfBoxes(a: Tensor, b: Tensor): Tensor {
  const { overlap, uncovered } = compared("giouOfBoxes", a, b);
  return squeeze(sub(overlap, uncovered()), { axis: -1 });
}

/** The mean of `1 - GIoU`, 0 to 2, a scalar (Rezatofighi et al. 2019, algorithm 2). */
export const giouLoss = (predicted: Tensor, targets: Tensor): Tensor => mean(sub(1, giouOfBoxes(predicted, targets)));

/** The parts of boxes `[..., 4]` that lie in an image; boxes outside become ones without area on its border. */
export const clipBoxes = (boxes: Tensor, width: number, height: number): Tensor =>
  maximum(minimum(boxes, tensor([width, height, width, height], { dtype: boxes.dtype })), 0);

function centred(owner: string, boxes: Tensor) {
  const [x1, y1, x2, y2] = columns(owner, boxes);
  return { x: div(add(x1, x2), 2), y: div(add(y1, y2), 2), width: sub(x2, x1), height: sub(y2, y1) };
}

/**
 * Faster R-CNN's offsets of boxes from anchors, `[..., 4]` (see `encodeBox`). A box or an anchor without area gives infinities.
 * @param boxes `[..., 4]`: x1, y1, x2, y2
 * @param anchors of a shape that `boxes`' broadcasts with
 */
export function encodeBoxes(boxes: Tensor, anchors: Tensor): Tensor {
  const [b, a] = [centred("encodeBoxes", boxes), centred("encodeBoxes", anchors)];
  const offsets = [div(sub(b.x, a.x), a.width), div(sub(b.y, a.y), a.height), log(div(b.width, a.width)), log(div(b.height, a.height))];
  return concat(offsets, { axis: -1 });
}

/** Boxes at offsets from anchors, `[..., 4]`: what {@link encodeBoxes} turns round. A side is at most 62.5 times as long as the anchor's. */
export function decodeBoxes(offsets: Tensor, anchors: Tensor): Tensor {
  const [dx, dy, dw, dh] = columns("decodeBoxes", offsets);
  const a = centred("decodeBoxes", anchors);
  const [x, y] = [add(a.x, mul(dx, a.width)), add(a.y, mul(dy, a.height))];
  const half = (logRatio: Tensor, size: Tensor) => div(mul(exp(minimum(logRatio, largestLogRatio)), size), 2);
  const [halfWidth, halfHeight] = [half(dw, a.width), half(dh, a.height)];
  return concat([sub(x, halfWidth), sub(y, halfHeight), add(x, halfWidth), add(y, halfHeight)], { axis: -1 });
}
