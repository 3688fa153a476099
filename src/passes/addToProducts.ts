import { broadcast, type Shape, sameShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { countUses, rewrite } from "../graph/walk.js";
import { arithmetic, mul } from "../ops/arithmetic.js";
import { gemm, products } from "../ops/matmul.js";
import type { Target } from "../ops/operator.js";
import { reshape, shapes } from "../ops/shapes.js";

/**
 * Above so many elements adding apart is faster where there are several threads: ONNX Runtime has one copy what a Gemm adds, and all add. The
 * gradient of a weight is left to the pass transposeFirst.
 */
const mostAdded = 2 ** 13;

/**
 * Lets a Gemm, where nothing else uses its result, do what is done with that: `A B + C` and `C - A B` are one operator, and `s (A B)` with a
 * number `s` is `(s A) B`, where `A` has fewer elements than the product. So biases are added, and gradients taken off small parameters, by no
 * operator of their own.
 */
export function addToProducts(outputs: readonly Tensor[], { threads }: Partial<Target> = {}): readonly Tensor[] {
  const uses = countUses(outputs);

  return rewrite(outputs, ({ operator, inputs: originals, outputs: [result] }, inputs) => {
    if (operator !== arithmetic.Add && operator !== arithmetic.Sub && operator !== arithmetic.Mul) return undefined;
    for (const i of operator === arithmetic.Sub ? ([1] as const) : ([1, 0] as const)) {
      const x = inputs[i] as Tensor;
      const other = inputs[1 - i] as Tensor;
      const product = usedOnce(originals[i] as Tensor, uses) ? productOf(x) : undefined;
      if (!product || !sameShape(x.shape, (result as Tensor).shape)) continue;
      const { a, b, transA, transB, shape } = product;
      if (operator === arithmetic.Mul) {
        const [least, most] = a.size < b.size ? [a, b] : [b, a];
        if (other.rank > 0 || least.size >= x.size) continue;
        const scaled = mul(other, least);
        return [reshape(a === least ? gemm(scaled, most, transA, transB) : gemm(most, scaled, transA, transB), x.shape)];
      }
      const most = threads === 1 && transA === 0 ? Number.POSITIVE_INFINITY : mostAdded;
      if (x.size > most || !isAddable(other.shape, shape, x.shape)) continue;
      return [reshape(gemm(a, b, transA, transB, { added: other, negative: operator === arithmetic.Sub }), x.shape)];
    }
    return undefined;
  });
}

/** Whether nothing but one operator uses a value, or the value that it is a reshape of. */
function usedOnce(x: Tensor, uses: ReadonlyMap<Tensor, number>): boolean {
  if (uses.get(x) !== 1) return false;
  const { source } = x;
  return source.kind !== "node" || source.operator !== shapes.Reshape || usedOnce(source.inputs[0] as Tensor, uses);
}

/** The factors of a Gemm that does nothing else yet, or of one reshaped. */
function productOf({ source }: Tensor) {
  if (source.kind !== "node") return undefined;
  const [a, b] = source.inputs as [Tensor, Tensor];
  if (source.operator === shapes.Reshape) return productOf(a);
  if (source.operator !== products.Gemm || source.inputs.length > 2) return undefined;
  const { transA, transB } = source.attributes as { transA: number; transB: number };
  return { a, b, transA, transB, shape: (source.outputs[0] as Tensor).shape };
}

/** Whether adding to a product is adding to its reshape: where that is none, or where the same is added to every row. */
function isAddable(added: Shape, product: Shape, reshaped: Shape): boolean {
  const fits = sameShape(broadcast(added, product) ?? [], product);
  return fits && (sameShape(product, reshaped) || (added.length <= 1 && product.at(-1) === reshaped.at(-1)));
}
