import { elementAt } from "../graph/dtype.js";
import { broadcast, type Shape, sameShape } from "../graph/shape.js";
import { hostData, type Tensor } from "../graph/tensor.js";
import { countUses, rewrite } from "../graph/walk.js";
import { arithmetic } from "../ops/arithmetic.js";
import { isNodeOf, match } from "../ops/match.js";
import { type GemmAttributes, gemm, products } from "../ops/matmul.js";
import { reshape, shapes } from "../ops/shapes.js";
import type { Target } from "../targets/target.js";

/**
 * Above so many elements, a separate addition is faster where there are several threads: one thread copies what a Gemm adds, all threads add. The
 * gradient of a weight is left to the pass transposeFirst.
 */
const mostAdded = 2 ** 13;

/**
 * Makes one Gemm of a product and an operator on its result, where nothing else uses that: `A B + C`, `C - A B` and, with a constant `s`, `s (A B)`.
 * So biases are added, and gradients subtracted from small parameters, without an operator of their own.
 */
export function addToProducts(outputs: readonly Tensor[], { threads, freeSizes }: Partial<Target> = {}): readonly Tensor[] {
  const uses = countUses(outputs);

  return rewrite(outputs, (node, inputs) => {
    const [isSum, isDifference, isMultiple] = [arithmetic.Add, arithmetic.Sub, arithmetic.Mul].map((operator) => isNodeOf(node, operator));
    if (!isSum && !isDifference && !isMultiple) return undefined;
    const [result] = node.outputs as readonly [Tensor];
    for (const i of isDifference ? [1] : [1, 0]) {
      const x = inputs[i] as Tensor;
      const other = inputs[1 - i] as Tensor;
      const product = usedOnce(node.inputs[i] as Tensor, uses) ? productOf(x) : undefined;
      if (!product || !sameShape(x.shape, result.shape)) continue;
      const { a, b, transA, transB, alpha, shape } = product;
      if (isMultiple) {
        const factor = factorOf(other);
        if (factor === undefined || alpha !== 1) continue;
        return [reshape(gemm(a, b, transA, transB, { alpha: factor }), x.shape)];
      }
      const most = freeSizes || (threads === 1 && transA === 0) ? Number.POSITIVE_INFINITY : mostAdded;
      if (x.size > most || !isAddable(other.shape, shape, x.shape)) continue;
      return [reshape(gemm(a, b, transA, transB, { added: other, alpha: isDifference ? -alpha : alpha }), x.shape)];
    }
    return undefined;
  });
}

/** The value of a constant that can be a Gemm's `alpha`, a float32 attribute. Not 0, since products with 0 may be NaN. */
function factorOf(x: Tensor): number | undefined {
  const data = x.size === 1 ? hostData(x) : undefined;
  const value = data && Number(elementAt(data, 0, x.dtype));
  return value !== 0 && Number.isFinite(value) && value === Math.fround(value as number) ? value : undefined;
}

/** Whether one operator alone uses a value, or the value that it is a reshape of. */
function usedOnce(x: Tensor, uses: ReadonlyMap<Tensor, number>): boolean {
  if (uses.get(x) !== 1) return false;
  const reshaped = match(x, shapes.Reshape);
  return !reshaped || usedOnce(reshaped.inputs[0], uses);
}

/** The factors of a Gemm that adds nothing yet, or of one reshaped. */
function productOf(x: Tensor): (Omit<GemmAttributes, "alpha"> & { a: Tensor; b: Tensor; alpha: number; shape: Shape }) | undefined {
  const reshaped = match(x, shapes.Reshape);
  if (reshaped) return productOf(reshaped.inputs[0]);
  const node = match(x, products.Gemm);
  if (!node || node.inputs.length > 2) return undefined;
  const { inputs, attributes } = node;
  return { ...attributes, a: inputs[0], b: inputs[1], alpha: attributes.alpha?.float ?? 1, shape: x.shape };
}

/** Whether a sum with a reshaped product is a reshaped sum with the product: the shapes are the same, or each row has the same added. */
function isAddable(added: Shape, product: Shape, reshaped: Shape): boolean {
  const fits = sameShape(broadcast(added, product) ?? [], product);
  return fits && (sameShape(product, reshaped) || (added.length <= 1 && product.at(-1) === reshaped.at(-1)));
}
