import { customGradient } from "../autodiff/custom.js";
import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { where } from "../ops/arithmetic.js";
import { equal } from "../ops/compare.js";
import { arange } from "../ops/create.js";
import { lookUp } from "../ops/indexing.js";
import { reshape, unsqueeze } from "../ops/shapes.js";
import { type Initialiser, normal } from "./init.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/** Settings of {@link Embedding}. */
export interface EmbeddingOptions {
  /** By default N(0, 1), as PyTorch's. */
  readonly weightInitialiser?: Initialiser;
  /** The class that stands for nothing: its vector starts as zeros and gets no gradient. By default there is none. */
  readonly paddingIndex?: number;
}

/**
 * A vector for each of `vocabularySize` classes. Of a large vocabulary an optimizer's option `sparse` updates
 * those looked up alone.
 */
export class Embedding extends Module {
  /** `[vocabularySize, size]` */
  readonly weight: Variable;
  readonly paddingIndex: number | undefined;

  constructor(
    readonly vocabularySize: number,
    readonly size: number,
    options: EmbeddingOptions = {},
  ) {
    super();
    checkOptions("Embedding", options, { weightInitialiser: "optional", paddingIndex: "optional" });
    checkSizes("Embedding", { vocabularySize, size });
    const { weightInitialiser = normal(), paddingIndex } = options;
    check(
      paddingIndex === undefined || (Number.isInteger(paddingIndex) && paddingIndex >= 0 && paddingIndex < vocabularySize),
      () => `Embedding: paddingIndex ${paddingIndex}: expected an integer from 0 to ${vocabularySize - 1}`,
    );
    this.paddingIndex = paddingIndex;
    const initial = weightInitialiser([vocabularySize, size]);
    const isPadding = paddingIndex !== undefined && equal(reshape(arange(vocabularySize), [-1, 1]), paddingIndex);
    this.weight = new Variable(isPadding ? where(isPadding, 0, initial) : initial);
  }

  /** Class indices `[...]` (integers from 0 below `vocabularySize`, any other is an error) to `[..., size]`. */
  forward(ids: Tensor): Tensor {
    const vectors = lookUp(this.weight, ids);
    return this.paddingIndex === undefined ? vectors : withoutGradient(vectors, equal(ids, this.paddingIndex));
  }
}

/** `vectors` `[..., size]`, through which no gradient flows where bool `[...]` is true. */
const withoutGradient = customGradient(
  (vectors: Tensor, _: Tensor) => vectors,
  (gradient, [, isPadding]) => [where(unsqueeze(isPadding, { axis: -1 }), 0, gradient), undefined],
);
