import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { lookUp } from "../ops/indexing.js";
import { type Initialiser, normal } from "./init.js";
import { Module } from "./module.js";

/**
 * A vector for each of `vocabularySize` classes. They start as N(0, 1), as PyTorch's. Of a large vocabulary an optimizer's option `sparse` updates
 * those looked up alone.
 */
export class Embedding extends Module {
  /** `[vocabularySize, size]` */
  readonly weight: Variable;

  constructor(
    readonly vocabularySize: number,
    readonly size: number,
    { weightInitialiser = normal() }: { readonly weightInitialiser?: Initialiser } = {},
  ) {
    super();
    this.weight = new Variable(weightInitialiser([vocabularySize, size]));
  }

  /** Class indices `[...]` (integers from 0 below `vocabularySize`, any other is an error) to `[..., size]`. */
  forward(ids: Tensor): Tensor {
    return lookUp(this.weight, ids);
  }
}
