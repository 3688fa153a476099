import type { DType } from "../graph/dtype.js";
import type { Shape } from "../graph/shape.js";
import type { Node, Tensor } from "../graph/tensor.js";
import type { Algebra } from "../ops/algebra.js";
import { operatorOf } from "../ops/operator.js";
import { Unsupported } from "./algebra.js";
import type { Access } from "./buffers.js";
import type { Element, Value } from "./values.js";

interface Typed {
  readonly element: Element;
  readonly shape: Shape;
}

/** A value that memory holds. */
export interface Held extends Typed {
  readonly kind: "held";
  readonly access: Access;
}

/** A value whose elements are all one number. */
export interface Constant extends Typed {
  readonly kind: "constant";
  readonly value: number;
}

/** A value that is computed element by element where it is used. Its operands broadcast. */
export interface Applied extends Typed {
  readonly kind: "applied";
  readonly expression: (algebra: Algebra<Value>, operands: readonly [Value, Value, Value]) => Value;
  readonly operands: readonly Lazy[];
  /** How many operators are applied to compute an element. */
  readonly weight: number;
  /** What constants in the expression are. */
  readonly constants: Element;
}

/** A matrix product that is not computed yet. */
export interface Multiplied extends Typed {
  readonly kind: "product";
  readonly factors: Factors;
}

/** The factors of a matrix product: `[...batch, rows, inner]` and `[...batch, inner, columns]`. */
export interface Factors {
  readonly left: Access;
  readonly right: Access;
  /** `[...batch, rows, columns]`; the value may be a reshape of it. */
  readonly shape: Shape;
}

/** A value that is not in memory yet. The loop that uses it computes it. */
export type Lazy = Held | Constant | Applied | Multiplied;

/** The accesses of `lazy` to memory, and the shape of each. The factors of a product are not among them. */
export function heldIn(lazy: Lazy): Held[] {
  if (lazy.kind === "held") return [lazy];
  return lazy.kind === "applied" ? lazy.operands.flatMap(heldIn) : [];
}

/** The product that `lazy` contains, if any. */
export function productIn(lazy: Lazy): Multiplied | undefined {
  if (lazy.kind === "product") return lazy;
  if (lazy.kind !== "applied") return undefined;
  for (const operand of lazy.operands) {
    const product = productIn(operand);
    if (product) return product;
  }
  return undefined;
}

/** `lazy` with each part replaced by what `replace` returns for it; undefined leaves the part. */
export function replaceParts(lazy: Lazy, replace: (part: Lazy) => Lazy | undefined): Lazy {
  const other = replace(lazy);
  if (other) return other;
  return lazy.kind === "applied" ? { ...lazy, operands: lazy.operands.map((operand) => replaceParts(operand, replace)) } : lazy;
}

/** How many operators are applied to compute an element of a node with these operands. */
export const weightOf = (operands: readonly Lazy[]): number =>
  operands.reduce((sum, operand) => sum + (operand.kind === "applied" ? operand.weight : 0), 1);

/** The element type by which the module holds `dtype`. */
export function elementOf(dtype: DType): Element {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw new Unsupported(`${dtype} values`);
}

/** The value of an elementwise node. */
export function apply(node: Node, operands: readonly Lazy[]): Applied {
  const [{ shape, dtype }] = node.outputs as [Tensor];
  const { kind, type } = operatorOf(node);
  if (kind.is !== "elementwise") throw new Unsupported(type);
  return {
    kind: "applied",
    element: elementOf(dtype),
    shape,
    expression: (algebra, values) => kind.expression(algebra, values, node.attributes),
    operands,
    weight: weightOf(operands),
    constants: operands.find(({ element }) => element !== "bool")?.element ?? "float32",
  };
}
