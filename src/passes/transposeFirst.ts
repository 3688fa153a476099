import type { Tensor } from "../graph/tensor.js";
import { rewrite } from "../graph/walk.js";
import { gemm, products } from "../ops/matmul.js";
import type { Target } from "../ops/operator.js";
import { reshape, transpose } from "../ops/shapes.js";

/** Products of so few elements gain nothing. */
const least = 2 ** 16;

/**
 * Transposes a factor of `AᵀB`, the gradient of a weight, before the product: ONNX Runtime's CPU kernel transposes A anew for every 128 columns
 * of B, and where A is wide and B is not, it writes the result, which is tall then, over and over. So where B is the smaller, `(BᵀA)ᵀ` is made
 * of a transposed B, and else the product of a transposed A.
 */
export function transposeFirst(outputs: readonly Tensor[], { device }: Target): readonly Tensor[] {
  if (device !== "cpu") return outputs;
  return rewrite(outputs, ({ operator, attributes }, [a, b, added]) => {
    if (operator !== products.Gemm || attributes.transA !== 1 || attributes.transB !== 0 || added || attributes.alpha) return undefined;
    const [[inner, rows], [, columns]] = [a, b].map((x) => (x as Tensor).shape) as [[number, number], [number, number]];
    if (rows * columns <= least) return undefined;
    if (columns * (inner + rows) <= inner * rows) return [transposed(gemm(transposed(b as Tensor), a as Tensor, 0, 0))];
    return rows <= 2 * columns ? [gemm(transposed(a as Tensor), b as Tensor, 0, 0)] : undefined;
  });
}

/** The transpose of a matrix as one of a stack of one, which ONNX Runtime does not put back into the product. */
function transposed(x: Tensor): Tensor {
  const [rows, columns] = x.shape as [number, number];
  return reshape(transpose(reshape(x, [1, rows, columns])), [columns, rows]);
}
