import { KasaneError } from "../../graph/error.js";
import { Tensor } from "../../graph/tensor.js";
import { encodeModel } from "../../onnx/emit.js";
import { abs } from "../../ops/arithmetic.js";
import type { Target } from "../../targets/target.js";
import { targetOf } from "../../targets/targets.js";
import { runtime } from "../runtime.js";
import { isWeb, nativeCall, ort } from "./onnxruntime.js";

/** Where a graph runs. In a browser "cpu" is ONNX Runtime's WebAssembly build. */
export type Device = "cpu" | "webgpu" | "cuda" | "dml" | "coreml";

/** The name of the ONNX Runtime provider for a device. */
export const providerOf = (device: Device): string => (isWeb && device === "cpu" ? "wasm" : device);

/** The target of graphs that run on a device. */
export const targetFor = (device: Device, threads?: number, channelBlocks = true): Target =>
  targetOf(isWeb && device === "cpu" ? "web" : device, threads, device === "cpu" && channelBlocks ? runtime.channelBlock : 1);

/** The devices that this ONNX Runtime was built with and that this machine offers. */
export async function devices(): Promise<Device[]> {
  const { listSupportedBackends } = ort as unknown as { listSupportedBackends?: () => { readonly name: string }[] };
  const built = (listSupportedBackends?.() ?? [{ name: "cpu" }, { name: "webgpu" }]).map(({ name }) => name as Device);
  const offered = await Promise.all(built.map(offers));
  return built.filter((_, i) => offered[i]);
}

/** A model of one node, to try a device with. */
function probe(): Uint8Array {
  const x = new Tensor("float32", [1], { kind: "input", name: "x" });
  return encodeModel([{ name: "x", tensor: x }], [{ name: "y", tensor: abs(x) }]);
}

/** Whether this machine offers `device`: tried once, by running a model on it. */
async function offers(device: Device): Promise<boolean> {
  const known = runtime.devices.get(device) ?? (nativeCall ? nativeCall(() => open(device)) : open(device));
  runtime.devices.set(device, known);
  return (await known) !== undefined;
}

/** A session on a device that has run a model; undefined where it could not. */
async function open(device: Device): Promise<ort.InferenceSession | undefined> {
  try {
    const session = await ort.InferenceSession.create(probe(), { executionProviders: [providerOf(device)], logSeverityLevel: 4 });
    await session.run({ x: new ort.Tensor("float32", [1], [1]) });
    return session;
  } catch {
    return undefined;
  }
}

/** Throws unless this machine offers `device`. */
export async function requireDevice(device: Device): Promise<void> {
  if (await offers(device)) return;
  throw new KasaneError(`device "${device}" is not available here: this machine offers ${(await devices()).join(", ")}`);
}
