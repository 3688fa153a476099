import type { Tensor } from "../graph/tensor.js";
import { where } from "./arithmetic.js";
import { whereFinite } from "./branch.js";
import { cast } from "./cast.js";
import { greater, notEqual } from "./compare.js";

/**
 * The maxima of windows by a kernel that passes NaN over and begins with the least finite number: where not all of `x` is finite, windows with NaN
 * become NaN, and those of which nothing is above minus infinity become that.
 */
export const maximaBy = (kernel: (image: Tensor) => Tensor, x: Tensor): Tensor =>
  whereFinite([x], [x], kernel, (x) => {
    const most = kernel(x);
    const isAbove = cast(greater(x, Number.NEGATIVE_INFINITY), x.dtype);
    const found = where(greater(kernel(isAbove), 0), most, Number.NEGATIVE_INFINITY);
    return where(greater(kernel(cast(notEqual(x, x), x.dtype)), 0), Number.NaN, found);
  });
