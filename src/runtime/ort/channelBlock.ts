import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TypeProtoSchema } from "onnx-buf";
import type { Tensor } from "../../graph/tensor.js";
import { gainsFromBlocks } from "../../passes/blocked/index.js";
import { runtime } from "../runtime.js";
import { isWeb, nativeCall, ort } from "./onnxruntime.js";

/** A type of an image of known sizes, or of any. */
const image = (sizes: readonly (number | undefined)[]) =>
  create(TypeProtoSchema, {
    value: {
      case: "tensorType",
      value: {
        elemType: 1,
        shape: { dim: sizes.map((size) => (size === undefined ? {} : { value: { case: "dimValue" as const, value: BigInt(size) } })) },
      },
    },
  });

/** A model that reorders an image of 4 channels into blocks: it comes out with as many channels as a block has. */
const probe = toBinary(
  ModelProtoSchema,
  create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [
      { domain: "", version: 21n },
      { domain: "com.microsoft.nchwc", version: 1n },
    ],
    graph: {
      name: "probe",
      node: [{ opType: "ReorderInput", domain: "com.microsoft.nchwc", name: "reorder", input: ["x"], output: ["y"] }],
      input: [{ name: "x", type: image([1, 4, 1, 2]) }],
      output: [{ name: "y", type: image([undefined, undefined, undefined, undefined]) }],
    },
  }),
);

/**
 * How many channels lie side by side in the images of this ONNX Runtime's fast convolutions on this machine: 16 with AVX-512, 8 on other x64; 1 where it
 * has none. The operators for these are its own affair, so it is asked, and what it says is believed only if the elements come out where they belong.
 */
async function findChannelBlock(): Promise<number> {
  // It was built without them.
  if (isWeb) return 1;
  try {
    const session = await ort.InferenceSession.create(probe, { logSeverityLevel: 4, intraOpNumThreads: 1 });
    const { y } = await session.run({ x: new ort.Tensor("float32", [0, 1, 2, 3, 4, 5, 6, 7], [1, 4, 1, 2]) });
    await session.release();
    const block = y?.dims[1] as number;
    // Without blocks, as on ARM, the image stays as it is.
    if (block === 4) return 1;
    const { data } = y as ort.Tensor;
    const isPlaced = [0, 1].every((place) => [0, 1, 2, 3].every((channel) => data[place * block + channel] === 2 * channel + place));
    if (isPlaced && (block === 8 || block === 16)) return block;
  } catch {
    // Told below.
  }
  console.warn(
    "kasane: this version of ONNX Runtime lacks the convolutions of blocked channels: networks of convolutions train at about half the speed",
  );
  return 1;
}

/** Finds out the block of channels, before the first graph with a convolution is prepared for the CPU. */
export async function findBlockFor(outputs: readonly Tensor[]): Promise<void> {
  if (runtime.channelBlock !== undefined || !gainsFromBlocks(outputs)) return;
  runtime.channelBlock = await (nativeCall ? nativeCall(findChannelBlock) : findChannelBlock());
}
