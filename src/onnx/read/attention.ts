import type { Shape } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { add, mul, sub, where } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { equal, lessEqual } from "../../ops/compare.js";
import { arange, full } from "../../ops/create.js";
import { tanh } from "../../ops/elementary.js";
import { gather } from "../../ops/indexing.js";
import { matmul } from "../../ops/matmul.js";
import { softmax } from "../../ops/normalize.js";
import { pad } from "../../ops/pad.js";
import { max } from "../../ops/reduce.js";
import { expand, reshape, transpose, unsqueeze } from "../../ops/shapes.js";
import { concat, type Range, slice, split } from "../../ops/slicing.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";

const blocked = Number.NEGATIVE_INFINITY;

/** `[batch, time, heads * size]` to `[batch, heads, time, size]`. */
export function intoHeads(x: Tensor, heads: number): Tensor {
  const [batch, time, width] = x.shape as [number, number, number];
  return transpose(reshape(x, [batch, time, heads, width / heads]), [0, 2, 1, 3]);
}

/** `[batch, heads, time, size]` to `[batch, time, heads * size]`. */
export function fromHeads(x: Tensor): Tensor {
  const [batch, heads, time, size] = x.shape as [number, number, number, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, time, heads * size]);
}

/** Each head so many times, one after the other, where several of the queries share it. */
function repeatHeads(x: Tensor, times: number): Tensor {
  if (times === 1) return x;
  const [batch, heads, time, size] = x.shape as [number, number, number, number];
  return reshape(expand(unsqueeze(x, { axis: 2 }), [batch, heads, times, time, size]), [batch, heads * times, time, size]);
}

/** Numbers that are added to scores: none, or minus infinity where a boolean mask is false. */
export const asBias = (mask: Tensor, like: Tensor): Tensor =>
  mask.dtype === "bool" ? where(mask, full([], 0, like.dtype), blocked) : cast(mask, like.dtype);

/** Minus infinity for keys that a query comes before, 0 for others; `offset` keys stand before the first query. */
export function causalBias(queries: number, keys: number, offset: Tensor | number, like: Tensor): Tensor {
  const last = add(reshape(arange(queries), [queries, 1]), offset);
  return where(lessEqual(arange(keys), last), full([], 0, like.dtype), blocked);
}

/** Probabilities over the last axis: zeros where every key is blocked. */
export function attend(scores: Tensor): Tensor {
  const isOpen = equal(equal(max(scores, { axis: -1, keepDims: true }), blocked), false);
  // A row that is blocked as a whole has no maximum that could be taken off.
  return where(isOpen, softmax(where(isOpen, scores, 0)), 0);
}

/** ONNX's own attention. */
function attention(node: ReadNode): readonly Tensor[] {
  const isFlat = node.input(0).rank === 3;
  const split = (index: number, heads: string) => (isFlat ? intoHeads(node.input(index), node.integer(heads, 1)) : node.input(index));
  const [q, k, v] = [split(0, "q_num_heads"), split(1, "kv_num_heads"), split(2, "kv_num_heads")];
  const [pastKey, pastValue, lengths] = [node.optional(4), node.optional(5), node.optional(6)];
  const [keys, values] = [pastKey ? concat([pastKey, k], { axis: 2 }) : k, pastValue ? concat([pastValue, v], { axis: 2 }) : v];
  const [batch, heads, queries, size] = q.shape as [number, number, number, number];
  const count = keys.shape[2] as number;
  const times = heads / (keys.shape[1] as number);
  const scale = Math.sqrt(node.number("scale", 1 / Math.sqrt(size)));
  const plain = matmul(mul(q, scale), transpose(mul(repeatHeads(keys, times), scale)));
  const given = node.optional(3);
  let bias = given && asBias(given, q);
  // A mask of fewer keys blocks the others.
  if (bias && (bias.shape.at(-1) as number) < count) {
    const missing = count - (bias.shape.at(-1) as number);
    bias = pad(bias, [...bias.shape.slice(1).map(() => [0, 0] as const), [0, missing]], blocked);
  }
  const offset = pastKey ? (pastKey.shape[2] as number) : lengths ? reshape(cast(sub(lengths, queries), "int32"), [batch, 1, 1, 1]) : 0;
  const plus = (more: Tensor) => (bias ? add(bias, more) : more);
  if (node.integer("is_causal", 0) === 1) bias = plus(causalBias(queries, count, offset, q));
  const [left, right] = [node.integer("left_window_size", -1), node.integer("right_window_size", -1)];
  const distance = () => sub(add(reshape(arange(queries), [queries, 1]), offset), arange(count));
  const within = (isWithin: Tensor) => where(isWithin, full([], 0, q.dtype), blocked);
  if (left >= 0) bias = plus(within(lessEqual(distance(), left)));
  if (right >= 0) bias = plus(within(lessEqual(sub(0, distance()), right)));
  if (lengths) bias = plus(within(lessEqual(arange(count), reshape(cast(sub(lengths, 1), "int32"), [batch, 1, 1, 1]))));
  const cap = node.number("softcap", 0);
  const capped = cap > 0 ? mul(tanh(mul(plain, 1 / cap)), cap) : plain;
  const scores = bias ? add(capped, bias) : capped;
  const weights = attend(scores);
  const y = matmul(weights, repeatHeads(values, times));
  const products = [plain, capped, scores, weights][node.integer("qk_matmul_output_mode", 0)] as Tensor;
  return [isFlat ? fromHeads(y) : y, keys, values, products].slice(0, node.outputs);
}

/** Pairs of numbers turned by angles that grow with the position (Su et al. 2021, section 3.2.2). */
export function rotary(
  x: Tensor,
  cosines: Tensor,
  sines: Tensor,
  { width, isInterleaved }: { readonly width: number; readonly isInterleaved: boolean },
): Tensor {
  const last = (range: Range): readonly Range[] => [...x.shape.slice(1).map((): Range => []), range];
  const [turned, rest] = [slice(x, last([0, width])), slice(x, last([width]))];
  const every = (start: number): Tensor => slice(turned, last([start, null, 2]));
  const [a, b] = (isInterleaved ? [every(0), every(1)] : split(turned, 2, { axis: -1 })) as [Tensor, Tensor];
  const [real, imaginary] = [sub(mul(cosines, a), mul(sines, b)), add(mul(sines, a), mul(cosines, b))];
  const pairs = isInterleaved
    ? reshape(concat([unsqueeze(real, { axis: -1 }), unsqueeze(imaginary, { axis: -1 })], { axis: -1 }), turned.shape)
    : concat([real, imaginary], { axis: -1 });
  return concat([pairs, rest], { axis: -1 });
}

function rotaryEmbedding(node: ReadNode): Tensor {
  const given = node.input(0);
  const isFlat = given.rank === 3;
  // [batch, time, heads, size]
  const shape = (): Shape => {
    const [batch, time, width] = given.shape as [number, number, number];
    const heads = node.integer("num_heads", 1);
    return [batch, time, heads, width / heads];
  };
  const x = isFlat ? reshape(given, shape()) : transpose(given, [0, 2, 1, 3]);
  const ids = node.optional(3);
  const [cosines, sines] = [1, 2].map((index) => {
    const table = node.input(index);
    return unsqueeze(ids ? gather(table, ids) : table, { axis: 2 });
  }) as [Tensor, Tensor];
  const width = node.integer("rotary_embedding_dim", 0) || (x.shape[3] as number);
  const y = rotary(x, cosines, sines, { width, isInterleaved: node.integer("interleaved", 0) === 1 });
  return isFlat ? reshape(y, given.shape) : transpose(y, [0, 2, 1, 3]);
}

export const attentionReaders: Readonly<Record<string, NodeReader>> = {
  ":Attention": { read: attention },
  ":RotaryEmbedding": { read: rotaryEmbedding },
};
