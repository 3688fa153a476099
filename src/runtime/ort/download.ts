import type { DType } from "../../graph/dtype.js";
import { Tensor } from "../../graph/tensor.js";
import { encodeModel } from "../../onnx/emit.js";
import type { ort } from "./onnxruntime.js";
import { Session } from "./session.js";

/** Sessions that copy a tensor to the host, by its type. */
const copiers = new Map<string, Session>();

/** A copy in host memory of a tensor on the GPU, by a model that gives out its input: onnxruntime-node 1.30 has no `getData` there. */
export async function download(tensor: ort.Tensor): Promise<ort.Tensor> {
  const type = `${tensor.type}[${tensor.dims}]`;
  const copier = copiers.get(type) ?? new Session(() => copyModel(tensor), { device: "webgpu", threads: 1, resident: [] });
  copiers.set(type, copier);
  const { y } = await copier.run({ x: tensor }, { y: null });
  return y as ort.Tensor;
}

function copyModel({ type, dims }: ort.Tensor): Uint8Array {
  const x = new Tensor(type as DType, dims, { kind: "input", name: "x" });
  return encodeModel([{ name: "x", tensor: x }], [{ name: "y", tensor: x }]);
}
