import type { Tensor } from "../graph/tensor.js";
import { isNodeOf } from "../ops/match.js";
import { gemm, products } from "../ops/matmul.js";
import { reshape, transpose } from "../ops/shapes.js";
import type { Rule } from "./rules.js";

/** Products of at most so many elements gain nothing. */
const least = 2 ** 16;

/**
 * Transposes a factor of `AᵀB`, the gradient of a weight, before the product. ONNX Runtime's CPU kernel transposes A again for every 128 columns of B,
 * and where A is wide and B is narrow, it writes the tall result many times. So where B is smaller, `(BᵀA)ᵀ` is computed from a transposed B; else
 * the product from a transposed A.
 */
export const transposeFirst: Rule = (node, inputs, { transposesByBlocks }) => {
  if (!transposesByBlocks || !isNodeOf(node, products.Gemm) || inputs.length > 2) return undefined;
  const { transA, transB, alpha } = node.attributes;
  if (transA !== 1 || transB !== 0) return undefined;
  const [a, b] = inputs as readonly [Tensor, Tensor];
  const [[inner, rows], [, columns]] = [a.shape, b.shape] as [[number, number], [number, number]];
  if (rows * columns <= least) return undefined;
  if (columns * (inner + rows) <= inner * rows) return [transposed(gemm(transposed(b), a, 0, 0, { alpha: alpha?.float }))];
  return rows <= 2 * columns ? [gemm(transposed(a), b, 0, 0, { alpha: alpha?.float })] : undefined;
};

/** The transpose of a matrix, as that of a stack of one: ONNX Runtime does not fuse it into the product. */
function transposed(x: Tensor): Tensor {
  const [rows, columns] = x.shape as [number, number];
  return reshape(transpose(reshape(x, [1, rows, columns])), [columns, rows]);
}
