import { check } from "../graph/error.js";
import type { Shape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { trace } from "../graph/trace.js";
import { flatten, flattenLike, pathsOf, unflatten } from "../graph/tree.js";
import { type InputSpecification, onnxModel } from "../onnx/model.js";
import { zeros } from "../ops/create.js";
import type { SequenceModel } from "./sequenceModel.js";

/**
 * A trained model as two ONNX models that decode without this library, for batches of any size and sources of any length. The encoder takes
 * `source` (int32 `[batch, sources]`) and gives the state, each tensor by its path of fields, such as `cache.0.keys`; the decoder takes `tokens`
 * (int32 `[batch]`) and the state, by the same names, and gives `logits` and what of the state changes, as `next.` and its name.
 * @param capacity the most tokens of a target
 */
export async function sequenceOnnx(model: SequenceModel, capacity: number): Promise<{ encoder: Uint8Array; decoder: Uint8Array }> {
  const stateOf = (source: Shape) => trace(false, () => model.encode(zeros(source, "int32"), capacity)).result;
  const [state, other] = [stateOf([2, 3]), stateOf([5, 7])];
  const names = pathsOf(state);
  const others = flatten(other);
  const inputs = flatten(state).map((x, i) => [names[i] as string, specificationOf(names[i] as string, x, others[i] as Tensor)] as const);
  const encoder = await onnxModel(
    (source: Tensor) => Object.fromEntries(flatten(model.encode(source, capacity)).map((x, i) => [names[i] as string, x])),
    { source: { shape: ["batch", "sources"], dtype: "int32" } },
  );
  const decoder = await onnxModel(
    (tokens: Tensor, ...before: Tensor[]) => {
      const { logits, state: after } = model.decoderStep(tokens, unflatten(state, before));
      const next = flattenLike("the next state", state, after).map((x, i) => [`next.${names[i]}`, x] as const);
      return { logits, ...Object.fromEntries(next.filter(([, x], i) => x !== before[i])) };
    },
    { tokens: { shape: ["batch"], dtype: "int32" }, ...Object.fromEntries(inputs) },
  );
  return { encoder, decoder };
}

/** Which sizes of a part of the state are free, found by comparing the states of 2 sources of 3 tokens and of 5 sources of 7 tokens. */
function specificationOf(name: string, { dtype, shape }: Tensor, other: Tensor): InputSpecification {
  const sizes = shape.map((size, axis) => {
    const changed = other.shape[axis];
    if (size === changed) return size;
    const free = size === 2 && changed === 5 ? "batch" : size === 3 && changed === 7 ? "sources" : undefined;
    check(
      free !== undefined,
      () => `sequenceOnnx: a size of ${name} is ${size} for 3 tokens and ${changed} for 7: expected as many, or no change`,
    );
    return free as string;
  });
  return { shape: sizes, dtype };
}
