import { where } from "../ops/arithmetic.js";
import { whereNumbers } from "../ops/branch.js";
import { cast } from "../ops/cast.js";
import { greater, notEqual } from "../ops/compare.js";
import { isNodeOf } from "../ops/match.js";
import { apply } from "../ops/operator.js";
import { leastFinite, pool } from "../ops/pool.js";
import type { Rule } from "./rules.js";

/**
 * Max pooling by a kernel that passes NaN over, and that takes padding for the least finite number, as ONNX Runtime's CPU has: where there are such
 * numbers, windows with NaN become NaN, and those of which nothing is above that number minus infinity.
 */
export const maximaByKernel: Rule = (node, inputs, target) => {
  if (!isNodeOf(node, pool.MaxPool)) return undefined;
  const { attributes } = node;
  const has = (ignoresNaN: boolean) => target.has({ type: node.operator.type, inputs, attributes: { ...attributes, ignoresNaN } });
  if (attributes.ignoresNaN || has(false) || !has(true)) return undefined;
  const [x] = inputs as typeof node.inputs;
  const isPadded = attributes.pads.some((count) => count > 0);
  const maxima = (image: typeof x) => apply(pool.MaxPool, [image], { ...attributes, ignoresNaN: true });
  return [
    whereNumbers([{ x, are: isPadded ? "finite" : "numbers" }], [x], maxima, (x) => {
      const most = maxima(x);
      const found = isPadded ? where(greater(most, leastFinite(x.dtype)), most, Number.NEGATIVE_INFINITY) : most;
      return where(greater(maxima(cast(notEqual(x, x), x.dtype)), 0), Number.NaN, found);
    }),
  ];
};
