import { check } from "../graph/error.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { add, clip, mul, sub } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { equal, less } from "../ops/compare.js";
import { arange, zeros } from "../ops/create.js";
import { gather } from "../ops/indexing.js";
import { reshape, transpose } from "../ops/shapes.js";
import { slice, split, unstack } from "../ops/slicing.js";
import { type Attended, type AttentionMasks, scaledDotProductAttention } from "./attention.js";
import { Dropout } from "./dropout.js";
import { xavierUniform } from "./init.js";
import { Linear, linear } from "./linear.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/** Settings of {@link MultiheadAttention}. */
export interface MultiheadAttentionOptions {
  /** By default that of the queries, as is `valueSize`. */
  readonly keySize?: number;
  readonly valueSize?: number;
  readonly bias?: boolean;
  /** The probability of dropout of a weight. */
  readonly dropout?: number;
  /**
   * The farthest relative position, key's place less query's, that is told apart: each head adds to its scores a bias that is learnt for each
   * relative position, all farther ones having the last one's (Raffel et al. 2020, Exploring the limits of transfer learning, section 2.1; clipped
   * as in Shaw et al. 2018, Self-attention with relative position representations, section 3.2). By default there is no such bias.
   */
  readonly maxRelativePosition?: number;
}

const attentionOptions: OptionNames<MultiheadAttentionOptions> = {
  keySize: "optional",
  valueSize: "optional",
  bias: "optional",
  dropout: "optional",
  maxRelativePosition: "optional",
};

/** Keys and values as heads see them, each `[batch, heads, keys, size / heads]`. */
export interface KeysAndValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** What one new place of each sequence comes to, `[batch, size]`, and the cache with that place in it. */
export interface CachedStep<Cache> {
  readonly output: Tensor;
  readonly cache: Cache;
}

interface Projection {
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
}

/**
 * Attention by several heads, each on projections of its own of queries, keys and values (Vaswani et al. 2017, section 3.2.2).
 * The weights start, and are stacked, as PyTorch's.
 */
export class MultiheadAttention extends Module {
  /** Of queries, keys and values, `[3 * size, size]`; where their sizes differ there are the three below instead. */
  readonly inputWeight: Variable | undefined;
  /** `[size, size]` */
  readonly queryWeight: Variable | undefined;
  /** `[size, keySize]` */
  readonly keyWeight: Variable | undefined;
  /** `[size, valueSize]` */
  readonly valueWeight: Variable | undefined;
  /** `[3 * size]` */
  readonly inputBias: Variable | undefined;
  /** By relative position, `-maxRelativePosition` first: `[heads, 2 * maxRelativePosition + 1]`. */
  readonly relativePositionBias: Variable | undefined;
  readonly output: Linear;
  readonly dropout: Dropout;

  /** @param size of queries and outputs, a multiple of `heads` */
  constructor(
    readonly size: number,
    readonly heads: number,
    options: MultiheadAttentionOptions = {},
  ) {
    super();
    checkOptions("MultiheadAttention", options, attentionOptions);
    const { keySize = size, valueSize = size, bias = true, dropout = 0, maxRelativePosition } = options;
    checkSizes("MultiheadAttention", { size, heads, keySize, valueSize }, 1);
    check(size % heads === 0, () => `MultiheadAttention: size ${size} does not part into ${heads} heads`);
    check(
      maxRelativePosition === undefined || (Number.isInteger(maxRelativePosition) && maxRelativePosition >= 0),
      () => `MultiheadAttention: maxRelativePosition ${maxRelativePosition}: expected an integer from 0 on`,
    );
    const weight = (rows: number, columns: number) => new Variable(xavierUniform()([rows, columns]));
    if (keySize === size && valueSize === size) this.inputWeight = weight(3 * size, size);
    else {
      this.queryWeight = weight(size, size);
      this.keyWeight = weight(size, keySize);
      this.valueWeight = weight(size, valueSize);
    }
    this.inputBias = bias ? new Variable(zeros([3 * size])) : undefined;
    this.relativePositionBias = maxRelativePosition === undefined ? undefined : new Variable(zeros([heads, 2 * maxRelativePosition + 1]));
    this.output = new Linear(size, size, { bias, biasInitialiser: zeros });
    this.dropout = new Dropout(dropout);
  }

  /**
   * @param query `[batch, queries, size]`
   * @param key `[batch, keys, keySize]`, by default the queries: self-attention, whose three projections are one product
   * @param value `[batch, keys, valueSize]`, by default the keys
   * @returns the output `[batch, queries, size]` and the weights of each head `[batch, heads, queries, keys]`, without dropout
   */
  forward(query: Tensor, key = query, value = key, masks: AttentionMasks = {}): Attended {
    check(
      query.rank === 3 && query.shape[2] === this.size,
      () => `got queries ${showShape(query.shape)}, expected [batch, queries, ${this.size}]`,
    );
    if (this.inputWeight && key === query && value === query) {
      const [queries, keys, values] = this.parted(linear(query, this.inputWeight, this.inputBias), 3) as [Tensor, Tensor, Tensor];
      return this.attend(queries, { keys, values }, masks);
    }
    const [ofQuery, ...others] = this.projections(key === value) as [Projection, Projection];
    return this.attend(this.projected(query, ofQuery), this.projectBy(others, key, value), masks);
  }

  /** Keys and values as {@link attendTo} takes them, for queries that come one after the other. */
  project(key: Tensor, value = key): KeysAndValues {
    return this.projectBy(this.projections(key === value).slice(1), key, value);
  }

  /**
   * {@link forward} on keys and values that were projected before.
   * @param position the place of each sequence's first query, int32 `[batch]`; by default 0
   */
  attendTo(query: Tensor, memory: KeysAndValues, masks: AttentionMasks = {}, position?: Tensor): Attended {
    const { size, inputWeight, queryWeight, inputBias } = this;
    const weight = inputWeight ? slice(inputWeight, [[0, size]]) : (queryWeight as Variable);
    return this.attend(this.projected(query, { weight, bias: inputBias && slice(inputBias, [[0, size]]) }), memory, masks, position);
  }

  /** A cache for {@link step}, of room for so many places. */
  emptyCache(batch: number, capacity: number): KeysAndValues {
    const empty = zeros([batch, this.heads, capacity, this.size / this.heads]);
    return { keys: empty, values: empty };
  }

  /**
   * Self-attention of one new place to itself and to those before it, whose keys and values are in a cache.
   * @param x `[batch, size]`
   * @param position the place of each, int32 `[batch]`, below the cache's capacity
   * @param cache of the places before; from `position` on it holds zeros
   */
  step(x: Tensor, position: Tensor, cache: KeysAndValues): CachedStep<KeysAndValues> {
    const { size, heads, inputWeight, inputBias } = this;
    check(inputWeight !== undefined, () => "step: self-attention needs keys and values of the queries' size");
    const [batch] = x.shape as [number];
    const place = [batch, heads, 1, size / heads];
    const parts = split(linear(x, inputWeight, inputBias), 3, { axis: 1 }).map((part) => reshape(part, place));
    const [queries, keys, values] = parts as [Tensor, Tensor, Tensor];
    const capacity = cache.keys.shape[2] as number;
    // A place beyond the cache is an index out of range.
    const positions = reshape(gather(arange(capacity), position), [batch, 1, 1, 1]);
    // Written everywhere, as zeros but at the place itself, which takes less time than a scatter.
    const here = cast(equal(positions, reshape(arange(capacity), [capacity, 1])), x.dtype);
    const grown = { keys: add(cache.keys, mul(here, keys)), values: add(cache.values, mul(here, values)) };
    const later = less(positions, arange(capacity));
    const { output } = this.attend(queries, grown, { mask: later }, position);
    return { output: reshape(output, [batch, size]), cache: grown };
  }

  override torchName(path: string): string {
    return super
      .torchName(path)
      .replace(/^(input|query|key|value)_(weight|bias)$/, (_, input, kind) => `${input === "input" ? "in" : input[0]}_proj_${kind}`)
      .replace(/^output\./, "out_proj.");
  }

  private attend(queries: Tensor, { keys, values }: KeysAndValues, masks: AttentionMasks, position?: Tensor): Attended {
    const [batch, , places] = queries.shape as [number, number, number];
    const own = this.biasOf(places, keys.shape[2] as number, position);
    const bias = own && masks.bias ? add(own, masks.bias) : (own ?? masks.bias);
    const { output, weights } = scaledDotProductAttention(queries, keys, values, { ...masks, dropout: this.dropout, bias });
    // [batch, heads, queries, size / heads] to [batch, queries, size]
    return { output: this.output.forward(reshape(transpose(output, [0, 2, 1, 3]), [batch, places, this.size])), weights };
  }

  /** The relative position bias of each query and key, `[heads, queries, keys]`, or with the first queries' positions `[batch, heads, queries, keys]`. */
  private biasOf(queries: number, keys: number, position?: Tensor): Tensor | undefined {
    const { relativePositionBias } = this;
    if (!relativePositionBias) return undefined;
    const farthest = ((relativePositionBias.shape[1] as number) - 1) / 2;
    const places = reshape(arange(queries), [queries, 1]);
    const from = position ? add(reshape(position, [-1, 1, 1]), places) : places;
    const bias = gather(relativePositionBias, add(clip(sub(arange(keys), from), -farthest, farthest), farthest), { axis: 1 });
    return position ? transpose(bias, [1, 0, 2, 3]) : bias;
  }

  /** The projections of queries, of keys and of values, the latter two as one where `joint` and one weight holds them. */
  private projections(joint: boolean): readonly Projection[] {
    const { size, inputWeight, queryWeight, keyWeight, valueWeight, inputBias } = this;
    const sizes = joint && inputWeight ? [size, 2 * size] : [size, size, size];
    const weights = inputWeight ? split(inputWeight, sizes) : ([queryWeight, keyWeight, valueWeight] as Variable[]);
    const biases = inputBias && split(inputBias, sizes);
    return weights.map((weight, i) => ({ weight, bias: biases?.[i] }));
  }

  private projectBy([first, second]: readonly Projection[], key: Tensor, value: Tensor): KeysAndValues {
    const { weight, bias } = first as Projection;
    if (second) return { keys: this.projected(key, { weight, bias }), values: this.projected(value, second) };
    const [keys, values] = this.parted(linear(key, weight, bias), 2) as [Tensor, Tensor];
    return { keys, values };
  }

  private projected(x: Tensor, { weight, bias }: Projection): Tensor {
    return this.parted(linear(x, weight, bias), 1)[0] as Tensor;
  }

  /** `[batch, places, count * size]` to so many `[batch, heads, places, size / heads]`. */
  private parted(x: Tensor, count: number): readonly Tensor[] {
    const [batch, places] = x.shape as [number, number];
    const { size, heads } = this;
    return unstack(transpose(reshape(x, [batch, places, count, heads, size / heads]), [2, 0, 3, 1, 4]));
  }
}
