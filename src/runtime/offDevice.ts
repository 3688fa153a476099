import type { DType } from "../graph/dtype.js";
import type { Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { operatorOf } from "../ops/operator.js";
import type { Target } from "../targets/target.js";

/** An operator that a device leaves to the CPU: its inputs are brought there, and its results back. */
export interface OffDevice {
  /** Its ONNX type. */
  readonly operator: string;
  /** The element type of its first result. */
  readonly dtype: DType;
  /** Its module path. */
  readonly path: string;
  readonly reason: string;
  /** How many there are of this type, path and reason. */
  readonly count: number;
}

/** What of a graph, prepared for a target, does not run on its device, in the order of the graph. */
export function offDevice(outputs: readonly Tensor[], target: Target): OffDevice[] {
  const found = new Map<string, OffDevice>();
  for (const node of topologicalOrder(outputs)) {
    const { type } = operatorOf(node);
    const dtypes = [...node.inputs, ...node.outputs].map(({ dtype }) => dtype);
    const absent = dtypes.find((dtype) => target.absentTypes.includes(dtype));
    const isMissing = !target.has({ type, inputs: node.inputs, attributes: node.attributes });
    const reason = absent ? `no kernels of ${absent}` : isMissing && `no kernel of ${type} for ${node.inputs[0]?.dtype ?? dtypes[0]}`;
    if (!reason) continue;
    const each = { operator: type, dtype: (node.outputs[0] as Tensor).dtype, path: node.path, reason };
    const key = JSON.stringify(each);
    found.set(key, { ...each, count: (found.get(key)?.count ?? 0) + 1 });
  }
  return [...found.values()];
}
