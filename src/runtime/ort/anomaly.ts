import { KasaneError } from "../../graph/error.js";
import { showShape } from "../../graph/shape.js";
import type { TensorType } from "../../graph/tensor.js";
import type { ort } from "./onnxruntime.js";

/** What made a value: as much of a node as an error tells of. */
export interface Operation {
  readonly operator: { readonly type: string };
  readonly inputs: readonly TensorType[];
  readonly path: string;
}

/** Throws where `value`, made by `operation`, holds a NaN or an infinity. Called in the order of computation, it names the first. */
export function detectAnomaly(value: ort.Tensor, { operator, inputs, path }: Operation): void {
  const data = value.data as Float32Array;
  const place = data.findIndex((x) => !Number.isFinite(x));
  if (place < 0) return;
  const types = inputs.map((input) => `${input.dtype}${showShape(input.shape)}`).join(", ");
  throw new KasaneError(
    `anomaly: ${operator.type}(${types}) made ${data[place]} at element ${place}${path && ` (in ${path})`}: ` +
      "the variables keep the values they had before the step",
  );
}
