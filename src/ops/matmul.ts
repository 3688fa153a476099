import { isFloat, promote } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { broadcastOrThrow, showShape, sizeOf } from "../graph/shape.js";
import { type FloatAttribute, float, type Tensor, type TensorType } from "../graph/tensor.js";
import { add, mul } from "./arithmetic.js";
import { cast } from "./cast.js";
import { checkTensors } from "./constants.js";
import { zeros } from "./create.js";
import { narrow } from "./kinds.js";
import { match } from "./match.js";
import { apply, declare, family, type Operands } from "./operator.js";
import { reshape, shapes, swapsLast, transpose } from "./shapes.js";
import { split } from "./slicing.js";

/** Matrix products. */
export const products = family({
  // Y = A B: dA = dY Bᵀ, dB = Aᵀ dY
  MatMul: declare({
    infer: ([a, b]) => inferProduct(a, b),
    kind: {
      is: "product",
      product: () => ({ transA: false, transB: false, alpha: 1 }),
      broadcasts: true,
      // (A B)ᵀ = Bᵀ Aᵀ, where that transposes no more factors than are transposed already
      transposed: ([a, b]) => (isTransposed(a) || isTransposed(b) ? matmul(transpose(b), transpose(a)) : undefined),
    },
    gradient: [
      (g, [a, b]) => (folds(a, b) ? reshape(matmul(rows(g), transpose(b)), a.shape) : matmul(g, transpose(b))),
      // Where one matrix served a whole batch, its gradient is one product over all rows.
      (g, [a, b]) => (folds(a, b) ? matmul(transpose(rows(a)), rows(g)) : matmul(transpose(a), g)),
    ],
    simplify: absorbTransposes,
    decompose: ([a, b]) => (isFloat(a.dtype) ? undefined : sumOfOuterProducts(a, b)),
    read: (node) => matmul(node.input(0), node.input(1)),
    roles: { 0: "factor", 1: "factor" },
  }),
  // ± op(A) op(B) + C, each factor transposed or not: what a product with a transpose, or a sum with a product, becomes before it is run
  Gemm: declare<GemmAttributes>({
    infer: ([a, b], { transA, transB }) => ({ dtype: a.dtype, shape: [a.shape[transA] as number, b.shape[1 - transB] as number] }),
    kind: {
      is: "product",
      product: ({ transA, transB, alpha }) => ({ transA: transA === 1, transB: transB === 1, alpha: alpha?.float ?? 1 }),
      // (op(A) op(B))ᵀ = op(B)ᵀ op(A)ᵀ
      transposed: ([a, b, ...added], { transA, transB, alpha }) =>
        added.length > 0 ? undefined : gemm(b, a, 1 - transB, 1 - transA, { alpha: alpha?.float }),
    },
    gradient: [
      (g, [, b], _, { transA, transB, alpha }) => signed(transA ? gemm(b, g, transB, 1) : gemm(g, b, 0, 1 - transB), alpha),
      (g, [a], _, { transA, transB, alpha }) => signed(transB ? gemm(g, a, 1, transA) : gemm(a, g, 1 - transA, 0), alpha),
      (g) => g,
    ],
    read: (node) => {
      const factor = (index: number, flag: string) => (node.integer(flag, 0) === 0 ? node.input(index) : transpose(node.input(index)));
      const product = mul(matmul(factor(0, "transA"), factor(1, "transB")), node.number("alpha", 1));
      const added = node.optional(2);
      return added ? add(product, mul(added, node.number("beta", 1))) : product;
    },
    roles: { 0: "factor", 1: "factor" },
  }),
});

/** The product by multiplications and additions of elements, for targets whose product takes floats alone. */
function sumOfOuterProducts(a: Tensor, b: Tensor): Tensor {
  const inner = a.shape.at(-1) as number;
  const { dtype, shape } = inferProduct(a, b);
  const rows = split(b, inner, { axis: -2 });
  return split(a, inner, { axis: -1 }).reduce((sum, column, i) => add(sum, mul(column, rows[i] as Tensor)), zeros(shape, dtype));
}

const inferProduct = (a: Tensor, b: Tensor): TensorType => ({
  dtype: a.dtype,
  shape: [...broadcastOrThrow("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2)), a.shape.at(-2) as number, b.shape.at(-1) as number],
});

/** The attributes of a Gemm. */
export interface GemmAttributes {
  readonly transA: number;
  readonly transB: number;
  /** The factor of the product; none is 1. */
  readonly alpha?: FloatAttribute;
}

const signed = (x: Tensor, alpha: FloatAttribute | undefined): Tensor => (alpha ? mul(x, alpha.float) : x);

/** A product with a plain matrix that was transposed is one Gemm, over all rows of a batch at once. */
function absorbTransposes([a, b]: Operands): Tensor | undefined {
  // A Gemm multiplies floats.
  if (b.rank !== 2 || !isFloat(b.dtype)) return undefined;
  const [left, right] = [a.rank === 2 ? transposed(a) : undefined, transposed(b)];
  if (!left && !right) return undefined;
  const product = gemm(left ?? rows(a), right ?? b, Number(left !== undefined), Number(right !== undefined));
  return reshape(product, [...a.shape.slice(0, -1), b.shape[1] as number]);
}

/** What `x` is the transpose of, where an operator transposed it. */
const transposed = (x: Tensor): Tensor | undefined => match(x, shapes.Transpose)?.inputs[0];

/** Whether `x` is a stack of matrices that were transposed. */
const isTransposed = (x: Tensor): boolean => swapsLast(match(x, shapes.Transpose)?.attributes.perm ?? []);

const folds = (a: Tensor, b: Tensor): boolean => b.rank === 2 && a.rank > 2;

/** All leading axes as one: `[..., n]` to `[rows, n]`. */
const rows = (x: Tensor): Tensor => reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1) as number]);

/**
 * The product of two matrices, each transposed first where its flag is 1.
 * @param options.added is added to the product, whose shape it broadcasts to
 * @param options.alpha is what the product is multiplied by, by default 1
 */
export function gemm(
  a: Tensor,
  b: Tensor,
  transA: number,
  transB: number,
  { added, alpha = 1 }: { readonly added?: Tensor | undefined; readonly alpha?: number | undefined } = {},
): Tensor {
  return apply(products.Gemm, added ? [a, b, added] : [a, b], { transA, transB, ...(alpha !== 1 && { alpha: float(alpha) }) });
}

/**
 * The matrix product over the last two axes, `[..., n, k] x [..., k, m] = [..., n, m]`; the axes before broadcast.
 * A vector counts as a row on the left and as a column on the right, and its axis goes away again.
 * @throws KasaneError where the inner sizes differ
 */
export function matmul(left: Tensor, right: Tensor): Tensor {
  checkTensors("matmul", left, right);
  const dtype = promote(left.dtype, right.dtype);
  check(
    left.rank > 0 && right.rank > 0,
    () => `matmul: ${showShape(left.shape)} x ${showShape(right.shape)}: a scalar has no matrix product, use mul`,
  );
  const wide = narrow(dtype) ? "int32" : dtype;
  const a = cast(left.rank === 1 ? reshape(left, [1, left.size]) : left, wide);
  const b = cast(right.rank === 1 ? reshape(right, [right.size, 1]) : right, wide);
  check(a.shape.at(-1) === b.shape.at(-2), () => `matmul: inner dimensions differ: ${showShape(left.shape)} x ${showShape(right.shape)}`);
  // ONNX Runtime's kernels leave a sum over nothing as the memory was.
  const isNothing = a.shape.at(-1) === 0;
  const product = isNothing ? zeros(inferProduct(a, b).shape, wide) : apply(products.MatMul, [a, b]);
  const kept = product.shape.filter(
    (_, axis) => !(left.rank === 1 && axis === product.rank - 2) && !(right.rank === 1 && axis === product.rank - 1),
  );
  return cast(reshape(product, kept), dtype === "bool" ? "int32" : dtype);
}

/** The faces that tensors have as methods too. */
export const matmulMethods = { matmul };
