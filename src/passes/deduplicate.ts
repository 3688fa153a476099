import { hostData, keyOfAttributes, keyOfElements, type Tensor } from "../graph/tensor.js";
import { rewrite, withInputs } from "../graph/walk.js";
import { operatorOf } from "../ops/operator.js";

/** Constants of at most so many elements are told apart by what they hold, larger ones by which they are. */
const comparedByContent = 16;

/** Makes one node of those that compute the same from the same (common subexpressions). */
export function deduplicate(outputs: readonly Tensor[]): readonly Tensor[] {
  const keys = new Map<Tensor, string>();
  const seen = new Map<string, readonly Tensor[]>();
  const keyOf = (x: Tensor): string => {
    const known = keys.get(x);
    if (known !== undefined) return known;
    const data = x.size <= comparedByContent ? hostData(x) : undefined;
    const key = data ? `${x.dtype}[${x.shape}]${keyOfElements(data)}` : `#${keys.size}`;
    keys.set(x, key);
    return key;
  };
  return rewrite(outputs, (node, inputs) => {
    const { type, kind } = operatorOf(node);
    const operands = inputs.map(keyOf);
    if (kind.is === "elementwise" && kind.commutative) operands.sort();
    const key = `${type}(${operands.join(";")})${keyOfAttributes(node.attributes)}`;
    const kept = seen.get(key) ?? withInputs(node, inputs);
    seen.set(key, kept);
    return kept;
  });
}
