import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { Tensor } from "../../graph/tensor.js";
import { encodeModel } from "../../onnx/emit.js";
import { abs } from "../../ops/arithmetic.js";
import { ort } from "./onnxruntime.js";

/**
 * A way to leave a run once the outputs are written into the tensors that were handed to it. onnxruntime-node 1.30 still copies every output into a
 * new array, and writing to new pages costs more than many a small step. It copies outputs in their order, and throws at a sequence, of which it can
 * make no tensor. So a sequence as the first output ends the run before anything is copied.
 */
export interface EarlyEnd {
  /** `model` with the sequence as its first output. */
  mark(model: Uint8Array): Uint8Array;
  /** The output to fetch beside those that are handed over. */
  readonly fetch: Readonly<Record<string, null>>;
  /** Whether a run ended this way, after all outputs were computed. */
  isReached(error: unknown): boolean;
}

const name = "end";

/** A model to put before another: two protocol buffers in a row are one message with the lists of both. */
const marker = toBinary(
  ModelProtoSchema,
  create(ModelProtoSchema, {
    graph: {
      node: [{ opType: "SequenceEmpty", name, output: [name] }],
      output: [
        {
          name,
          type: { value: { case: "sequenceType", value: { elemType: { value: { case: "tensorType", value: { elemType: 1 } } } } } },
        },
      ],
    },
  }),
);

function mark(model: Uint8Array): Uint8Array {
  const marked = new Uint8Array(marker.length + model.length);
  marked.set(marker);
  marked.set(model, marker.length);
  return marked;
}

/** The early end, where this ONNX Runtime has it: tried by running a small model. */
export async function findEarlyEnd(): Promise<EarlyEnd | undefined> {
  const x = new Tensor("float32", [1], { kind: "input", name: "x" });
  const model = mark(encodeModel([{ name: "x", tensor: x }], [{ name: "y", tensor: abs(x) }]));
  const handed = new ort.Tensor("float32", new Float32Array(1), [1]);
  const fetch = { [name]: null };
  try {
    const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4, intraOpNumThreads: 1 });
    const reached = await session.run({ x: new ort.Tensor("float32", [-3], [1]) }, { ...fetch, y: handed }).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    await session.release();
    return reached !== undefined && handed.data[0] === 3 ? { mark, fetch, isReached: (error) => String(error) === reached } : undefined;
  } catch {
    return undefined;
  }
}
