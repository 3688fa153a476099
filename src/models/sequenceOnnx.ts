import type { Tensor } from "../graph/tensor.js";
import { onnxModel } from "../onnx/model.js";
import type { SequenceModel } from "./sequenceModel.js";

/**
 * A trained model as two ONNX models that decode without this library, for batches of any size and sources of any length. The encoder takes
 * `source` (int32 `[batch, sources]`) and gives the state; the decoder takes `tokens` (int32 `[batch]`) and the state, by the same names, and
 * gives `logits` and what of the state changes, as `next.` and its name.
 * @param capacity how many tokens a target has at most
 */
export async function sequenceOnnx(model: SequenceModel, capacity: number): Promise<{ encoder: Uint8Array; decoder: Uint8Array }> {
  const state = model.stateInputs(capacity);
  const names = Object.keys(state);
  const encoder = await onnxModel(
    (source: Tensor) => Object.fromEntries(model.encode(source, capacity).map((x, i) => [names[i] as string, x])),
    { source: { shape: ["batch", "sources"], dtype: "int32" } },
  );
  const decoder = await onnxModel(
    (tokens: Tensor, ...before: Tensor[]) => {
      const { logits, state: after } = model.decoderStep(tokens, before);
      const changed = after.flatMap((x, i) => (x === before[i] ? [] : [[`next.${names[i]}`, x] as const]));
      return { logits, ...Object.fromEntries(changed) };
    },
    { tokens: { shape: ["batch"], dtype: "int32" }, ...state },
  );
  return { encoder, decoder };
}
