import type { Tensor } from "../graph/tensor.js";
import type { Target } from "../ops/operator.js";
import { addToProducts } from "./addToProducts.js";
import { deduplicate } from "./deduplicate.js";
import { fold } from "./fold.js";
import { hoist } from "./hoist.js";
import { joinProducts } from "./joinProducts.js";
import { lower } from "./lower.js";
import { scaleLast } from "./scaleLast.js";
import { scatterOnto } from "./scatterOnto.js";
import { choose } from "./selectImplementation.js";
import { shareLoops } from "./shareLoops.js";
import { simplify } from "./simplify.js";
import { skipZeros } from "./skipZeros.js";
import { transposeFirst } from "./transposeFirst.js";
import { unexpand } from "./unexpand.js";

/** In this order: a simplification may leave sums of products, and joining them products to simplify; what nothing can join adds up itself, or is transposed. */
const passes = [
  ...[shareLoops, hoist, scatterOnto, lower, choose, skipZeros, deduplicate, unexpand, fold],
  ...[simplify, joinProducts, scaleLast, fold, simplify, deduplicate, addToProducts, transposeFirst, deduplicate],
];

/** Prepares a graph for a target: the same values of the same leaves, by operators that the target has, and fewer of them. */
export function prepare(outputs: readonly Tensor[], target: Target): readonly Tensor[] {
  return passes.reduce((current, pass) => pass(current, target), outputs);
}
