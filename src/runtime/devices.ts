import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "#onnxruntime";
import { KasaneError } from "../graph/error.js";
import { Tensor } from "../graph/tensor.js";
import { emitModel } from "../onnx/emit.js";
import { abs } from "../ops/elementwise.js";

/** Where a graph runs: a provider of ONNX Runtime. */
export type Device = "cpu" | "webgpu" | "cuda" | "dml" | "coreml" | "wasm";

interface Backend {
  readonly name: string;
  readonly bundled: boolean;
}

/** The devices that this ONNX Runtime was built with and that this machine offers. */
export async function devices(): Promise<Device[]> {
  const { listSupportedBackends } = ort as unknown as { listSupportedBackends?: () => Backend[] };
  const built = listSupportedBackends ? listSupportedBackends().map((backend) => backend.name) : ["wasm", "webgpu"];
  const found = await Promise.all(built.map(async (name) => ((await offers(name as Device)) ? [name as Device] : [])));
  return found.flat();
}

/** A model of one node, which a device either runs or does not. */
function probe(): Uint8Array {
  const x = new Tensor("float32", [1], { kind: "input", name: "x" });
  return toBinary(ModelProtoSchema, emitModel([{ name: "x", tensor: x }], [{ name: "y", tensor: abs(x) }]));
}

async function offers(device: Device): Promise<boolean> {
  if (device === "cpu" || device === "wasm") return true;
  try {
    const session = await ort.InferenceSession.create(probe(), { executionProviders: [device], logSeverityLevel: 4 });
    await session.run({ x: new ort.Tensor("float32", [1], [1, 1]) });
    await session.release();
    return true;
  } catch {
    return false;
  }
}

/** Throws unless this machine offers `device`. */
export async function requireDevice(device: Device): Promise<void> {
  const offered = await devices();
  if (!offered.includes(device))
    throw new KasaneError(`device "${device}" is not available here: this machine offers ${offered.join(", ")}`);
}
