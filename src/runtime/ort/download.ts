import type { DType } from "../../graph/dtype.js";
import { Tensor } from "../../graph/tensor.js";
import { encodeModel } from "../../onnx/emit.js";
import { runtime } from "../runtime.js";
import type { ort } from "./onnxruntime.js";
import { Session } from "./session.js";

/** A copy in host memory of a tensor on the GPU. A model that returns its input makes it: onnxruntime-node 1.30 has no `getData` there. */
export async function download(tensor: ort.Tensor): Promise<ort.Tensor> {
  const type = `${tensor.type}[${tensor.dims}]`;
  const copier = runtime.downloads.get(type) ?? new Session(() => copyModel(tensor), { device: "webgpu", threads: 1, resident: [] });
  runtime.downloads.set(type, copier);
  const { y } = await copier.run({ x: tensor }, { y: null });
  return y as ort.Tensor;
}

function copyModel({ type, dims }: ort.Tensor): Uint8Array {
  const x = new Tensor(type as DType, dims, { kind: "input", name: "x" });
  return encodeModel([{ name: "x", tensor: x }], [{ name: "y", tensor: x }]);
}
