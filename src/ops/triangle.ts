import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add, where } from "./arithmetic.js";
import { greaterEqual } from "./compare.js";
import { arange, full } from "./create.js";
import { reshape } from "./shapes.js";

/** The matrices' part on and below the diagonal `diagonal` (0 the main one, above it positive), zeros elsewhere. */
export const tril = (x: Tensor, diagonal = 0): Tensor => where(belowDiagonal(x, "tril", diagonal), x, full([], 0, x.dtype));

/** The matrices' part on and above the diagonal `diagonal`, zeros elsewhere. */
export const triu = (x: Tensor, diagonal = 0): Tensor => where(belowDiagonal(x, "triu", diagonal - 1), full([], 0, x.dtype), x);

function belowDiagonal(x: Tensor, operation: string, diagonal: number): Tensor {
  check(x.rank >= 2, () => `${operation}: ${showShape(x.shape)} is not a matrix`);
  check(Number.isSafeInteger(diagonal), () => `${operation}: diagonal ${diagonal}: expected an integer`);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  // Beyond the corners there is nothing more.
  const within = Math.min(Math.max(diagonal, -rows), columns);
  return greaterEqual(add(reshape(arange(rows), [rows, 1]), within), arange(columns));
}

/** The faces that tensors have as methods too. */
export const triangleMethods = { tril, triu };
