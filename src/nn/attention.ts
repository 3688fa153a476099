import type { DType } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import { broadcast, sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add, mul, where } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { less } from "../ops/compare.js";
import { arange } from "../ops/create.js";
import { matmul } from "../ops/matmul.js";
import { softmax } from "../ops/normalize.js";
import { reshape, transpose } from "../ops/shapes.js";
import type { Dropout } from "./dropout.js";
import { Module } from "./module.js";

/** Which keys a query may not see. */
export interface AttentionMasks {
  /** Bool, true where a query may not see a key, or float, added to the scores; broadcasts to them: `[batch, (heads,) queries, keys]`. */
  readonly mask?: Tensor;
  /** Bool `[batch, keys]`: true where a key is padding. */
  readonly keyPadding?: Tensor;
  /** Whether a query sees no key after its own place. */
  readonly causal?: boolean;
  /** Float, added to the scores beside these; broadcasts to them. */
  readonly bias?: Tensor;
}

/** What attention gives. */
export interface Attended {
  /** The mean of the values by the weights, `[..., queries, size]`. */
  readonly output: Tensor;
  /** How much each query saw of each key, `[..., queries, keys]`, of sum 1 a row. Computed only where something asks for them. */
  readonly weights: Tensor;
}

/**
 * What is added to the score of a key that may not be seen, by each mask. Finite, for three masks too: a query that may see none sees all, and makes
 * no NaN.
 */
const unseenIn = (dtype: DType): number => (dtype === "float16" ? -2e4 : -1e9);

/**
 * The mean of `values` `[..., keys, size]`, weighted by the softmax of `scores` `[batch, ..., queries, keys]`.
 * @throws KasaneError where a mask does not fit the scores
 */
export function attend(scores: Tensor, values: Tensor, masks: AttentionMasks = {}, dropout?: Dropout): Attended {
  const weights = softmax(masked(scores, masks));
  return { output: matmul(dropout ? dropout.forward(weights) : weights, values), weights };
}

const maskNames: OptionNames<AttentionMasks> = { mask: "optional", keyPadding: "optional", causal: "optional", bias: "optional" };

function masked(scores: Tensor, masks: AttentionMasks): Tensor {
  checkOptions("attention", masks, maskNames);
  const { mask, keyPadding, causal, bias } = masks;
  const [batch] = scores.shape as [number];
  const [queries, keys] = scores.shape.slice(-2) as [number, number];
  const added: Tensor[] = [];
  if (causal) {
    check(queries === keys, () => `attention: causal with ${queries} queries and ${keys} keys: expected as many of both`);
    added.push(less(reshape(arange(queries), [queries, 1]), arange(keys)));
  }
  if (keyPadding) {
    check(
      keyPadding.dtype === "bool" && sameShape(keyPadding.shape, [batch, keys]),
      () => `attention: keyPadding is ${keyPadding.dtype}${showShape(keyPadding.shape)}, expected bool[${batch}, ${keys}]`,
    );
    added.push(reshape(keyPadding, [batch, ...new Array<number>(scores.rank - 2).fill(1), keys]));
  }
  for (const [name, x] of Object.entries({ mask, bias })) {
    if (!x) continue;
    check(
      sameShape(broadcast(x.shape, scores.shape) ?? [], scores.shape),
      () => `attention: the ${name} ${showShape(x.shape)} does not broadcast to the scores ${showShape(scores.shape)}`,
    );
    added.push(x);
  }
  if (added.length === 0) return scores;
  // Added to each other first, while they are smaller than the scores; and added, not chosen between, which costs a gradient nothing.
  const sum = added.map((x) => (x.dtype === "bool" ? where(x, unseenIn(scores.dtype), 0) : x)).reduce((a, b) => add(a, b));
  return add(scores, cast(sum, scores.dtype));
}

/**
 * `softmax(Q Kᵀ / √size) V` (Vaswani et al. 2017, equation 1).
 * @param query `[..., queries, size]`
 * @param key `[..., keys, size]`
 * @param value `[..., keys, valueSize]`
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { dropout, ...masks }: AttentionMasks & { readonly dropout?: Dropout } = {},
): Attended {
  // The queries are scaled, not the scores, of which there are more.
  const scaled = mul(query, 1 / Math.sqrt(query.shape.at(-1) as number));
  return attend(matmul(scaled, transpose(key)), value, masks, dropout);
}

/** Attention with one head, which sees what scores high beside the query. */
export abstract class Attention extends Module {
  /** What queries are compared with, the same for all of them: `[batch, keys, keySize]` to `[batch, keys, ...]`. */
  abstract project(keys: Tensor): Tensor;

  /** How well each query `[batch, queries, querySize]` fits each of the projected keys: `[batch, queries, keys]`. */
  abstract score(query: Tensor, projected: Tensor): Tensor;

  /**
   * @param query `[batch, queries, querySize]`
   * @param keys `[batch, keys, keySize]`
   * @param values `[batch, keys, size]`, by default the keys
   * @returns the output `[batch, queries, size]`
   */
  forward(query: Tensor, keys: Tensor, values = keys, masks: AttentionMasks = {}): Attended {
    return attend(this.score(query, this.project(keys)), values, masks);
  }
}
