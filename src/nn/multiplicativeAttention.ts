import { check } from "../graph/error.js";
import { checkChoice } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { matmul } from "../ops/matmul.js";
import { transpose } from "../ops/shapes.js";
import { Attention } from "./attention.js";
import { Linear } from "./linear.js";

/** The score `qᵀ k` (`dot`) or `qᵀ W k` (`general`) (Luong et al. 2015, equation 8). */
export class MultiplicativeAttention extends Attention {
  readonly key: Linear | undefined;

  constructor(querySize: number, keySize: number, score: "dot" | "general") {
    super();
    checkChoice("MultiplicativeAttention", "score", score, ["dot", "general"]);
    check(
      score === "general" || querySize === keySize,
      () => `MultiplicativeAttention: dot needs queries and keys of one size, got ${querySize} and ${keySize}: use general`,
    );
    this.key = score === "general" ? new Linear(keySize, querySize, { bias: false }) : undefined;
  }

  project(keys: Tensor): Tensor {
    return this.key?.forward(keys) ?? keys;
  }

  score(query: Tensor, projected: Tensor): Tensor {
    return matmul(query, transpose(projected));
  }
}
