import { type DType, elementAt } from "../graph/dtype.js";
import { hostData, type Node, type Tensor } from "../graph/tensor.js";
import { countUses, rewrite, topologicalOrder, usersOf, withInputs } from "../graph/walk.js";
import { arithmetic, mul } from "../ops/arithmetic.js";
import { scalar } from "../ops/constants.js";
import { isNodeOf, match } from "../ops/match.js";
import { linearityOf, operatorOf } from "../ops/operator.js";
import { reshape } from "../ops/shapes.js";
import type { Target } from "../targets/target.js";
import { magnitude, rangeOf } from "./range.js";

/** Only factors from here to 1 are delayed, and only those of values up to `mostWaiting`; of half precision none, whose range is short. */
const leastWaiting = 2 ** -32;
const mostWaiting = 2 ** 16;

/**
 * Multiplies by constants where there are fewest elements: `s (t X)` is `(s t) X`, and products with `s X`, and sums over it, are `s` times those
 * with `X` where they are smaller than it. So the mean of a loss scales no gradient of the logits. No value vanishes that would not have done so, and
 * none overflows unless what `X` is multiplied by sums up to more than 2^80.
 */
export function scaleLast(outputs: readonly Tensor[], { freeSizes }: Partial<Target> = {}): readonly Tensor[] {
  if (freeSizes) return outputs;
  const uses = countUses(outputs);
  const order = topologicalOrder(outputs);
  const users = usersOf(order);

  /** Whether the result of a multiple `s X` is `s` times the result of `X`. */
  const keepsFactors = (node: Node): boolean => {
    const linearity = linearityOf(operatorOf(node), node.inputs);
    return linearity === "each" || (linearity === "together" && node.inputs.length === 1);
  };
  const moves = (node: Node): boolean => operatorOf(node).kind.is === "movement" && node.outputs.length === 1;
  /** How many elements the users of a multiple make; infinite where a user, behind movements, does not keep factors. */
  const madeOf = (x: Tensor): number => {
    const nodes = users.get(x) ?? [];
    if (nodes.length !== uses.get(x) || !nodes.every(keepsFactors)) return Number.POSITIVE_INFINITY;
    return nodes.reduce((sum, node) => sum + (moves(node) ? madeOf : sizeOf)(node.outputs[0] as Tensor), 0);
  };
  const waiting = new Set<Tensor>();
  for (const node of order) {
    const [result] = node.outputs as [Tensor];
    const isMoved = moves(node) && waiting.has(node.inputs[0] as Tensor);
    const multiple = multipleOf(result);
    if (isMoved || (multiple && canWait(multiple) && madeOf(result) < result.size)) waiting.add(result);
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
    const outer = isNodeOf(node, arithmetic.Mul) ? factorOf(inputs) : undefined;
    const inner = outer && uses.get(node.inputs[inputs.indexOf(outer.x)] as Tensor) === 1 ? multipleOf(outer.x) : undefined;
    return outer && inner && canJoin(outer, inner) ? [mul(scalar(outer.value * inner.value, inner.x.dtype), inner.x)] : undefined;
  });
}

const sizeOf = ({ size }: Tensor): number => size;

interface Multiple {
  readonly factor: Tensor;
  readonly value: number;
  readonly x: Tensor;
}

function multipleOf(x: Tensor): Multiple | undefined {
  const product = match(x, arithmetic.Mul);
  return product && factorOf(product.inputs);
}

/** A constant and what it multiplies. */
function factorOf(inputs: readonly Tensor[]): Multiple | undefined {
  const [a, b] = inputs as readonly [Tensor, Tensor];
  const [factor, x] = a.size === 1 ? [a, b] : [b, a];
  const data = factor.size === 1 ? hostData(factor) : undefined;
  if (!data || x.size <= 1 || factor.rank > x.rank) return undefined;
  return { factor: reshape(factor, []), value: Number(elementAt(data, 0, factor.dtype)), x };
}

const canWait = ({ value, x }: Multiple): boolean =>
  x.dtype !== "float16" && Math.abs(value) >= leastWaiting && Math.abs(value) <= 1 && magnitude(rangeOf(x)) <= mostWaiting;

/** The least normal and the greatest number of the floating-point types. */
const normal: Partial<Record<DType, readonly [number, number]>> = {
  float16: [2 ** -14, 65504],
  float32: [2 ** -126, 2 ** 128 - 2 ** 104],
  float64: [2 ** -1022, Number.MAX_VALUE],
};

/** Whether one multiplication can replace two: both factors are at most 1, or both are greater, and their product is in range. */
function canJoin(outer: Multiple, inner: Multiple): boolean {
  const [least, most] = normal[outer.x.dtype] ?? [Number.NaN, Number.NaN];
  const [first, second] = [Math.abs(outer.value), Math.abs(inner.value)];
  const isSameSide = first <= 1 ? second <= 1 : second > 1;
  return isSameSide && first * second >= least && first * second <= most;
}
