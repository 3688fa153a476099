import { isNodeOf } from "../ops/match.js";
import { maximaBy } from "../ops/maxima.js";
import { apply } from "../ops/operator.js";
import { pool } from "../ops/pool.js";
import type { Rule } from "./rules.js";

/** Max pooling by {@link maximaBy}, where the target has a kernel that passes NaN over alone, as ONNX Runtime's CPU. */
export const maximaByKernel: Rule = (node, inputs, target) => {
  if (!isNodeOf(node, pool.MaxPool)) return undefined;
  const { attributes } = node;
  const has = (ignoresNaN: boolean) => target.has({ type: node.operator.type, inputs, attributes: { ...attributes, ignoresNaN } });
  if (attributes.ignoresNaN || has(false) || !has(true)) return undefined;
  const [x] = inputs as typeof node.inputs;
  return [maximaBy((image) => apply(pool.MaxPool, [image], { ...attributes, ignoresNaN: true }), x)];
};
