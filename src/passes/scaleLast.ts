import type { Node, Tensor } from "../graph/tensor.js";
import { countUses, rewrite, topologicalOrder, usersOf, withInputs } from "../graph/walk.js";
import { arithmetic, mul } from "../ops/arithmetic.js";
import { linearityOf, operatorOf } from "../ops/operator.js";
import { reshape } from "../ops/shapes.js";

/**
 * Multiplies by numbers where there are fewest elements: `s (t X)` is `(s t) X`, and products with `s X`, and sums over it, are `s` times those
 * with `X` where they are smaller than it. So the mean of a loss scales no gradient of the logits, and clipping no gradient that a rate scales too.
 */
export function scaleLast(outputs: readonly Tensor[]): readonly Tensor[] {
  const uses = countUses(outputs);
  const order = topologicalOrder(outputs);
  const users = usersOf(order);

  /** Whether what is made of a multiple is that multiple of what would be made of the rest. */
  const keepsFactors = (node: Node): boolean => {
    const linearity = linearityOf(operatorOf(node), node.inputs);
    return linearity === "each" || (linearity === "together" && node.inputs.length === 1);
  };
  const moves = (node: Node): boolean => operatorOf(node).movement !== undefined && node.outputs.length === 1;
  /** How many elements are made of a multiple where every use of it, as it is or moved, is by an operator that keeps factors. */
  const madeOf = (x: Tensor): number => {
    const nodes = users.get(x) ?? [];
    if (nodes.length !== uses.get(x) || !nodes.every(keepsFactors)) return Number.POSITIVE_INFINITY;
    return nodes.reduce((sum, node) => sum + (moves(node) ? madeOf : sizeOf)(node.outputs[0] as Tensor), 0);
  };
  const waiting = new Set<Tensor>();
  for (const node of order) {
    const [result] = node.outputs as [Tensor];
    const isMoved = moves(node) && waiting.has(node.inputs[0] as Tensor);
    if (isMoved || (multipleOf(result) && madeOf(result) < result.size)) waiting.add(result);
  }

  return rewrite(outputs, (node, inputs) => {
    const late = node.inputs.map((x, i) => (waiting.has(x) ? multipleOf(inputs[i] as Tensor) : undefined));
    if (late.some((each) => each !== undefined)) {
      const [result] = withInputs(
        node,
        inputs.map((x, i) => late[i]?.x ?? x),
      ) as [Tensor];
      return [late.reduce((product, each) => (each ? mul(each.factor, product) : product), result)];
    }
    const outer = node.operator === arithmetic.Mul ? factorOf(inputs) : undefined;
    const inner = outer && uses.get(node.inputs[inputs.indexOf(outer.x)] as Tensor) === 1 ? multipleOf(outer.x) : undefined;
    return outer && inner && [mul(mul(outer.factor, inner.factor), inner.x)];
  });
}

const sizeOf = ({ size }: Tensor): number => size;

interface Multiple {
  readonly factor: Tensor;
  readonly x: Tensor;
}

const multipleOf = ({ source }: Tensor): Multiple | undefined =>
  source.kind === "node" && source.operator === arithmetic.Mul ? factorOf(source.inputs) : undefined;

/** A number and what it multiplies. */
function factorOf(inputs: readonly Tensor[]): Multiple | undefined {
  const [a, b] = inputs as [Tensor, Tensor];
  const [factor, x] = a.size === 1 ? [a, b] : [b, a];
  return factor.size === 1 && x.size > 1 && factor.rank <= x.rank ? { factor: reshape(factor, []), x } : undefined;
}
