import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { expand } from "./shapes.js";
import { checkEnds, concat, type Ends, padWith, slice } from "./slicing.js";

/**
 * What of a tensor's own elements is added around it:
 * - `reflect`: those next to the first and the last in reverse order, without these: `c b | a b c`
 * - `replicate`: the first and the last again: `a a | a b c`
 * - `circular`: those of the other end: `b c | a b c`
 */
export type PaddingMode = "reflect" | "replicate" | "circular";

/** How many elements a mode can add at an end of an axis of `size`. */
const most: Readonly<Record<PaddingMode, (size: number) => number>> = {
  reflect: (size) => Math.max(0, size - 1),
  replicate: (size) => (size === 0 ? 0 : Number.POSITIVE_INFINITY),
  circular: (size) => size,
};

/**
 * `x` with `[before, after]` elements added around each axis: a number, by default 0, or elements of `x`.
 * @throws KasaneError where `x` has fewer elements along an axis than the mode is to add there
 */
export function pad(x: Tensor, pads: readonly Ends[], fill: number | PaddingMode = 0): Tensor {
  if (typeof fill === "number") return padWith(x, pads, fill);
  checkEnds(x, pads);
  check(Object.hasOwn(most, fill), () => `pad: got ${JSON.stringify(fill)}: expected a number, or ${Object.keys(most).join(", ")}`);
  return pads.reduce((wide, ends, axis) => {
    const size = x.shape[axis] as number;
    const limit = most[fill](size);
    check(
      ends.every((count) => count <= limit),
      () => `pad: [${ends}] elements around axis ${axis} of ${showShape(x.shape)} by ${fill}: expected at most ${limit} at each end`,
    );
    return wider(wide, axis, size, ends, fill);
  }, x);
}

/** {@link pad} of one axis. */
function wider(x: Tensor, axis: number, size: number, [before, after]: Ends, mode: PaddingMode): Tensor {
  const part = (start: number, end: number, step = 1) =>
    slice(
      x,
      // Backwards through the first element there is no end to name.
      x.shape.map((_, i) => (i === axis ? [start, end < 0 ? null : end, step] : [])),
    );
  const repeated = (place: number, count: number) =>
    expand(
      part(place, place + 1),
      x.shape.map((length, i) => (i === axis ? count : length)),
    );
  const front = { reflect: () => part(before, 0, -1), replicate: () => repeated(0, before), circular: () => part(size - before, size) };
  const back = {
    reflect: () => part(size - 2, size - 2 - after, -1),
    replicate: () => repeated(size - 1, after),
    circular: () => part(0, after),
  };
  return concat([...(before > 0 ? [front[mode]()] : []), x, ...(after > 0 ? [back[mode]()] : [])], { axis });
}

/** The faces that tensors have as methods too. */
export const padMethods = { pad };
