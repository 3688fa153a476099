import { normalizeAxis } from "../../graph/shape.js";
import { float, type Tensor } from "../../graph/tensor.js";
import { gelu, geluByTanh, sigmoid } from "../../ops/activation.js";
import { add, clip, mul, rsqrt, square, where } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { less } from "../../ops/compare.js";
import { conv } from "../../ops/conv.js";
import { arange, zeros } from "../../ops/create.js";
import { gather } from "../../ops/indexing.js";
import { matmul } from "../../ops/matmul.js";
import { normalize } from "../../ops/normalize.js";
import { applyAll } from "../../ops/operator.js";
import { mean, sum } from "../../ops/reduce.js";
import { expand, reshape, transpose } from "../../ops/shapes.js";
import { concat, split, stack } from "../../ops/slicing.js";
import { windowsOfNode } from "../../ops/windowNode.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";
import { attend, causalBias, fromHeads, intoHeads } from "./attention.js";
import { activationsByName, of } from "./elementwise.js";
import { rmsNorm } from "./normalize.js";

// The domain com.microsoft: what ONNX Runtime's optimiser makes of several nodes, as its page ContribOperators.md describes them.

const plus = (x: Tensor, more: Tensor | undefined): Tensor => (more ? add(x, more) : x);

/** `alpha op(A) op(B)`, the factors transposed where the node says so. */
function fusedMatMul(node: ReadNode): Tensor {
  node.check(
    node.integer("transBatchA", 0) === 0 && node.integer("transBatchB", 0) === 0,
    () => "it transposes the batch: expected transA and transB alone",
  );
  const factor = (index: number, flag: string) => (node.integer(flag, 0) === 1 ? transpose(node.input(index)) : node.input(index));
  return mul(matmul(factor(0, "transA"), factor(1, "transB")), node.number("alpha", 1));
}

/** What a fused activation makes of a result; its settings are a list. */
function activated(node: ReadNode, x: Tensor): Tensor {
  const name = node.text("activation", "");
  if (name === "") return x;
  const given = (setting: string) => (node.has(setting) ? node.number(setting, 0) : undefined);
  const [alpha, beta] = node.numbers("activation_params") ?? [given("activation_alpha"), given("activation_beta")];
  if (name === "Clip") return clip(x, alpha ?? Number.NEGATIVE_INFINITY, beta ?? Number.POSITIVE_INFINITY);
  const activation = activationsByName[name.toLowerCase()];
  node.check(activation !== undefined, () => `the activation ${name}: expected ${Object.keys(activationsByName).join(", ")}`);
  return activation.compute(x, alpha, beta);
}

function fusedConv(node: ReadNode): Tensor {
  const [x, w] = [node.input(0), node.input(1)];
  const { kernel, ...options } = windowsOfNode(node, x, w.shape.slice(2));
  return activated(node, plus(conv(x, w, { ...options, bias: node.optional(2), groups: node.integer("group", 1) }), node.optional(3)));
}

function fusedGemm(node: ReadNode): Tensor {
  const product = fusedMatMul(node);
  const added = node.optional(2);
  return activated(node, added ? add(product, mul(added, node.number("beta", 1))) : product);
}

/** Layer normalisation with its mean and the reciprocal of its deviation. */
function layerNormOf(x: Tensor, scale: Tensor, shift: Tensor | undefined, axis: number, epsilon: number): readonly Tensor[] {
  const shape = x.shape.slice(axis);
  const operands = [x, expand(scale, shape), shift ? expand(shift, shape) : zeros(shape, x.dtype)];
  return applyAll(normalize.LayerNormalization, operands, { axis, epsilon: float(epsilon) });
}

function skipLayerNorm(node: ReadNode): readonly Tensor[] {
  const total = plus(add(node.input(0), node.input(1)), node.optional(4));
  const [y, average, rate] = layerNormOf(total, node.input(2), node.optional(3), total.rank - 1, node.number("epsilon", 1e-12)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  return [y, average, rate, total].slice(0, node.outputs);
}

/** `1 / √(mean(x²) + epsilon)` over the last axes. */
const rmsRate = (x: Tensor, axis: number, epsilon: number): Tensor =>
  rsqrt(add(mean(square(x), { axis: [...x.shape.keys()].slice(axis), keepDims: true }), epsilon));

function simplifiedLayerNorm(node: ReadNode): readonly Tensor[] {
  const x = node.input(0);
  const [axis, epsilon] = [normalizeAxis(node.type, node.integer("axis", -1), x.rank), node.number("epsilon", 1e-5)];
  return [rmsNorm(x, node.input(1), axis, epsilon), rmsRate(x, axis, epsilon)].slice(0, node.outputs);
}

function skipSimplifiedLayerNorm(node: ReadNode): readonly Tensor[] {
  const total = plus(add(node.input(0), node.input(1)), node.optional(3));
  const [axis, epsilon] = [total.rank - 1, node.number("epsilon", 1e-5)];
  const rate = rmsRate(total, axis, epsilon);
  return [rmsNorm(total, node.input(2), axis, epsilon), rate, rate, total].slice(0, node.outputs);
}

/** The words, their positions and the segments, added up and normalised; and how many words each mask has. */
function embedLayerNorm(node: ReadNode): readonly Tensor[] {
  const ids = node.input(0);
  const [batch, time] = ids.shape as [number, number];
  const [segments, segmentTable, mask, positions] = [node.optional(1), node.optional(4), node.optional(7), node.optional(8)];
  const places = positions ?? reshape(arange(time), [1, time]);
  const words = add(gather(node.input(2), ids), gather(node.input(3), places));
  const total = segments && segmentTable ? add(words, gather(segmentTable, segments)) : words;
  const [y] = layerNormOf(total, node.input(5), node.input(6), 2, node.number("epsilon", 1e-12)) as [Tensor];
  const counts = mask ? cast(sum(mask, { axis: 1 }), "int32") : zeros([batch], "int32");
  return [y, counts, total].slice(0, node.outputs);
}

/** What a mask of keys adds to scores: lengths `[batch]`, or 1 for the keys `[batch, keys]` or `[batch, queries, keys]` that are attended. */
function maskBias(node: ReadNode, mask: Tensor, keys: number, like: Tensor): Tensor {
  const low = node.number("mask_filter_value", -10_000);
  const bias = (isOpen: Tensor) => where(isOpen, zeros([], like.dtype), low);
  if (mask.rank === 1) {
    node.check(mask.shape[0] === like.shape[0], () => `a mask [${mask.shape}]: expected one length for each of ${like.shape[0]} sequences`);
    return bias(less(arange(keys), reshape(cast(mask, "int32"), [mask.shape[0] as number, 1, 1, 1])));
  }
  node.check(mask.rank === 2 || mask.rank === 3, () => `a mask [${mask.shape}]: expected [batch], [batch, keys] or [batch, queries, keys]`);
  const [batch, ...others] = mask.shape;
  return bias(cast(reshape(mask, mask.rank === 2 ? [batch as number, 1, 1, ...others] : [batch as number, 1, ...others]), "bool"));
}

/** The attention of queries, keys and values `[batch, heads, time, size]`, with what is added to its scores. */
function attendTo(node: ReadNode, q: Tensor, k: Tensor, v: Tensor, biases: readonly (Tensor | undefined)[]): Tensor {
  const size = q.shape[3] as number;
  const products = mul(matmul(q, transpose(k)), node.number("scale", 0) || 1 / Math.sqrt(size));
  const scores = biases.reduce<Tensor>((total, bias) => plus(total, bias), products);
  return fromHeads(matmul(attend(scores), v));
}

/** Self-attention from one product with the weights of queries, keys and values. */
function attention(node: ReadNode): readonly Tensor[] {
  const [x, heads] = [node.input(0), node.integer("num_heads", 1)];
  node.check(node.integer("do_rotary", 0) === 0, () => "do_rotary: expected queries and keys that are not rotated here");
  const projected = plus(matmul(x, node.input(1)), node.optional(2));
  const sizes = node.integers("qkv_hidden_sizes") ?? new Array<number>(3).fill((projected.shape[2] as number) / 3);
  const [q, k, v] = split(projected, sizes, { axis: 2 }).map((part) => intoHeads(part, heads)) as [Tensor, Tensor, Tensor];
  const past = node.optional(4);
  const [pastKey, pastValue] = past ? split(past, 2).map((part) => reshape(part, part.shape.slice(1))) : [];
  const [keys, values] = [pastKey ? concat([pastKey, k], { axis: 2 }) : k, pastValue ? concat([pastValue, v], { axis: 2 }) : v];
  const [queries, count] = [q.shape[2] as number, keys.shape[2] as number];
  const mask = node.optional(3);
  const causal = node.integer("unidirectional", 0) === 1 ? causalBias(queries, count, count - queries, q) : undefined;
  const y = attendTo(node, q, keys, values, [mask && maskBias(node, mask, count, q), causal, node.optional(5)]);
  return [y, stack([keys, values])].slice(0, node.outputs);
}

/** Attention of queries, keys and values that are already projected. */
function multiHeadAttention(node: ReadNode): readonly Tensor[] {
  const heads = node.integer("num_heads", 1);
  const [query, key, value, bias] = [node.input(0), node.optional(1), node.optional(2), node.optional(3)];
  node.check(
    query.rank === 3 && key?.rank === 3 && value?.rank === 3,
    () => "queries, keys and values packed into one tensor, or keys in heads: expected [batch, time, size] each",
  );
  const sizes = [query, key, value].map((x) => x.shape[2] as number);
  const shifts = bias ? split(bias, sizes) : [];
  const [q, k, v] = [query, key, value].map((x, i) => intoHeads(plus(x, shifts[i]), heads)) as [Tensor, Tensor, Tensor];
  const [pastKey, pastValue] = [node.optional(6), node.optional(7)];
  const [keys, values] = [pastKey ? concat([pastKey, k], { axis: 2 }) : k, pastValue ? concat([pastValue, v], { axis: 2 }) : v];
  const [queries, count] = [q.shape[2] as number, keys.shape[2] as number];
  const mask = node.optional(4);
  const causal = node.integer("unidirectional", 0) === 1 ? causalBias(queries, count, count - queries, q) : undefined;
  return [attendTo(node, q, keys, values, [mask && maskBias(node, mask, count, q), node.optional(5), causal]), keys, values].slice(
    0,
    node.outputs,
  );
}

export const microsoftReaders: Readonly<Record<string, NodeReader>> = {
  "com.microsoft:FusedMatMul": { read: fusedMatMul, roles: { 0: "factor", 1: "factor" } },
  "com.microsoft:TransposeMatMul": { read: fusedMatMul, roles: { 0: "factor", 1: "factor" } },
  "com.microsoft:FusedGemm": { read: fusedGemm, roles: { 0: "factor", 1: "factor" } },
  "com.microsoft:FusedConv": { read: fusedConv, roles: { 1: "factor" } },
  "com.microsoft:Gelu": of((x) => gelu(x)),
  "com.microsoft:FastGelu": { read: (node) => geluByTanh(plus(node.input(0), node.optional(1))) },
  "com.microsoft:BiasGelu": { read: (node) => gelu(add(node.input(0), node.input(1))) },
  "com.microsoft:QuickGelu": of((x, node) => mul(x, sigmoid(mul(x, node.number("alpha", 1.702))))),
  "com.microsoft:BiasAdd": { read: (node) => add(add(node.input(0), node.input(1)), node.input(2)) },
  "com.microsoft:BiasSplitGelu": {
    read: (node) => {
      const [a, b] = split(add(node.input(0), node.input(1)), 2, { axis: -1 }) as [Tensor, Tensor];
      return mul(a, gelu(b));
    },
  },
  "com.microsoft:SkipLayerNormalization": { read: skipLayerNorm },
  "com.microsoft:SkipSimplifiedLayerNormalization": { read: skipSimplifiedLayerNorm },
  ":SimplifiedLayerNormalization": { read: simplifiedLayerNorm },
  "com.microsoft:SimplifiedLayerNormalization": { read: simplifiedLayerNorm },
  "com.microsoft:LayerNormalization": {
    read: (node) => {
      const x = node.input(0);
      const axis = normalizeAxis("LayerNormalization", node.integer("axis", -1), x.rank);
      return layerNormOf(x, node.input(1), node.optional(2), axis, node.number("epsilon", 1e-5)).slice(0, node.outputs);
    },
  },
  "com.microsoft:EmbedLayerNormalization": { read: embedLayerNorm },
  "com.microsoft:Attention": { read: attention, roles: { 1: "factor" } },
  "com.microsoft:MultiHeadAttention": { read: multiHeadAttention },
};
