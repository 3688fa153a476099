import type { Tensor } from "../graph/tensor.js";
import { add } from "../ops/arithmetic.js";
import { tanh } from "../ops/elementary.js";
import { squeeze, unsqueeze } from "../ops/shapes.js";
import { Attention } from "./attention.js";
import { Linear } from "./linear.js";

/** The score `vᵀ tanh(W q + U k + b)` (Bahdanau et al. 2015, appendix A.1.2). */
export class AdditiveAttention extends Attention {
  readonly query: Linear;
  readonly key: Linear;
  readonly vector: Linear;

  /** @param size of the layer that compares queries and keys */
  constructor(querySize: number, keySize: number, size: number) {
    super();
    this.query = new Linear(querySize, size, { bias: false });
    this.key = new Linear(keySize, size);
    this.vector = new Linear(size, 1, { bias: false });
  }

  project(keys: Tensor): Tensor {
    return this.key.forward(keys);
  }

  score(query: Tensor, projected: Tensor): Tensor {
    // [batch, queries, 1, size] + [batch, 1, keys, size]
    const compared = tanh(add(unsqueeze(this.query.forward(query), { axis: 2 }), unsqueeze(projected, { axis: 1 })));
    return squeeze(this.vector.forward(compared), { axis: -1 });
  }
}
