import type { Tensor } from "../../graph/tensor.js";
import type { Target } from "../../ops/operator.js";
import { deduplicate } from "./deduplicate.js";
import { fold } from "./fold.js";
import { joinProducts } from "./joinProducts.js";
import { lower } from "./lower.js";
import { shareLoops } from "./shareLoops.js";
import { simplify } from "./simplify.js";
import { unexpand } from "./unexpand.js";

/** Prepares a graph for a target: the same values of the same leaves, by operators that the target has, and fewer of them. */
export function prepare(outputs: readonly Tensor[], target: Target): readonly Tensor[] {
  return deduplicate(joinProducts(simplify(fold(unexpand(deduplicate(lower(shareLoops(outputs), target)))))));
}
