import type { Node, Tensor } from "../graph/tensor.js";
import { countUses, rewrite, topologicalOrder } from "../graph/walk.js";
import { add, arithmetic } from "../ops/arithmetic.js";
import { isNodeOf, match, type NodeOf } from "../ops/match.js";
import { type GemmAttributes, gemm, products } from "../ops/matmul.js";
import { concat } from "../ops/slicing.js";
import type { Target } from "../targets/target.js";

interface Sum {
  readonly products: readonly Node[];
  readonly others: readonly Tensor[];
}

/**
 * Makes one product of a sum of products: `Σ AᵢᵀBᵢ` is `AᵀB` with the `Aᵢ` and the `Bᵢ` stacked. The gradient of a weight that every step of a loop
 * uses is such a sum.
 */
export function joinProducts(outputs: readonly Tensor[], { freeSizes }: Partial<Target> = {}): readonly Tensor[] {
  if (freeSizes) return outputs;
  const sums = findSums(outputs);
  if (sums.size === 0) return outputs;
  return rewrite(outputs, (node, _, rebuiltOf) => {
    const sum = sums.get(node);
    if (!sum) return undefined;
    const operand = (i: 0 | 1) => concat(sum.products.map((product) => rebuiltOf(product.inputs[i] as Tensor)));
    return [sum.others.map(rebuiltOf).reduce(add, gemm(operand(0), operand(1), 1, 0))];
  });
}

/** The outermost additions of two or more products that nothing else uses. */
function findSums(outputs: readonly Tensor[]): Map<Node, Sum> {
  const order = topologicalOrder(outputs);
  const uses = countUses(outputs);
  const within = new Set<Node>();
  const sums = new Map<Node, Sum>();
  for (const node of order.reverse()) {
    if (!isNodeOf(node, arithmetic.Add) || within.has(node)) continue;
    const joined: Node[] = [];
    const others: Tensor[] = [];
    const pending = [...node.inputs];
    for (let x = pending.pop(); x; x = pending.pop()) {
      const isTerm = uses.get(x) === 1 && x.size === node.outputs[0]?.size;
      const [sum, product] = isTerm ? [match(x, arithmetic.Add), match(x, products.Gemm)] : [];
      if (sum) {
        within.add(sum);
        pending.push(...sum.inputs);
      } else if (product && isWorthJoining(product)) joined.push(product);
      else others.push(x);
    }
    // In the order of the loop, so that the stacks are those that other gradients need too.
    joined.sort((a, b) => originOf(a) - originOf(b));
    if (joined.length > 1) sums.set(node, { products: joined, others });
  }
  return sums;
}

/** Whether a product AᵀB costs less to stack, `rows (n + m)` elements copied, than to add up, `n m` elements read twice and written. */
function isWorthJoining({ attributes: { transA, transB, alpha }, inputs }: NodeOf<GemmAttributes>): boolean {
  if (transA !== 1 || transB !== 0 || alpha || inputs.length > 2) return false;
  const [[rows, n], [, m]] = inputs.map((x) => x.shape) as [[number, number], [number, number]];
  return 2 * rows * (n + m) < 3 * n * m;
}

const originOf = ({ inputs: [a] }: Node): number => (a?.source.kind === "node" ? a.source.id : -1);
