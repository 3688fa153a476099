import type * as ort from "#onnxruntime";
import { KasaneError } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { Node } from "../graph/tensor.js";

/** Throws where `value`, made by `node`, holds a NaN or an infinity. Called in the order of computation, it names the first. */
export function detectAnomaly(value: ort.Tensor, node: Node): void {
  const data = value.data as Float32Array;
  const place = data.findIndex((x) => !Number.isFinite(x));
  if (place < 0) return;
  const inputs = node.inputs.map((input) => `${input.dtype}${showShape(input.shape)}`).join(", ");
  throw new KasaneError(
    `anomaly: ${node.operator.type}(${inputs}) made ${data[place]} at element ${place}${node.path && ` (in ${node.path})`}: ` +
      "the variables keep the values they had before the step",
  );
}
