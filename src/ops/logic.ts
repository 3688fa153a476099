import type { Tensor } from "../graph/tensor.js";
import type { Algebra } from "./algebra.js";
import { add, mul } from "./arithmetic.js";
import { cast } from "./cast.js";
import { equal, greater } from "./compare.js";
import type { TensorLike } from "./constants.js";
import { comparison, ofBooleans } from "./kinds.js";
import { type Declaration, family } from "./operator.js";

/** A connective, which is also arithmetic on 0 and 1. */
const connective = (expression: <T>(algebra: Algebra<T>, a: T, b: T) => T, arithmetic: (a: Tensor, b: Tensor) => Tensor): Declaration => ({
  ...comparison(expression, true),
  read: (node, operator) => ofBooleans(operator, node.input(0), node.input(1)),
  decompose: ([a, b]) => arithmetic(cast(a, "float32"), cast(b, "float32")),
});

/** Connectives of booleans: no gradient. */
export const logic = family({
  And: connective(
    (m, a, b) => m.and(a, b),
    (a, b) => greater(mul(a, b), 0),
  ),
  Or: connective(
    (m, a, b) => m.or(a, b),
    (a, b) => greater(add(a, b), 0),
  ),
  Xor: connective(
    (m, a, b) => m.not(m.equal(a, b)),
    (a, b) => equal(add(a, b), 1),
  ),
});

/** Where both are true (anything but zero). */
export const logicalAnd = (a: TensorLike, b: TensorLike): Tensor => ofBooleans(logic.And, a, b);
/** Where at least one is true. */
export const logicalOr = (a: TensorLike, b: TensorLike): Tensor => ofBooleans(logic.Or, a, b);
/** Where exactly one is true. */
export const logicalXor = (a: TensorLike, b: TensorLike): Tensor => ofBooleans(logic.Xor, a, b);

/** The faces that tensors have as methods too. */
export const logicMethods = { logicalAnd, logicalOr, logicalXor };
