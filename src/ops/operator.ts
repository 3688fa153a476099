import type { DType } from "../graph/dtype.js";
import type { Shape } from "../graph/shape.js";
import type { Attributes, Node, Tensor, TensorType } from "../graph/tensor.js";
import { makeNode } from "../graph/tensor.js";
import { reading } from "../graph/variable.js";
import type { View } from "../graph/view.js";
import type { Target } from "../targets/target.js";
import type { Algebra, Expression } from "./algebra.js";
import type { ConvolutionGeometry } from "./convolutionGeometry.js";

/** The inputs of a node. The type promises three so that rules may destructure; an operator knows how many it has. */
export type Operands = readonly [Tensor, Tensor, Tensor, ...Tensor[]];

/** What a gradient rule may ask beside its operands. */
export interface RuleContext {
  /** The gradient of each output; undefined where the loss does not depend on it. */
  readonly gradients: readonly (Tensor | undefined)[];
  /** Which input's gradient is asked for. */
  readonly index: number;
}

/**
 * The gradient of the loss with respect to one input, given `gradient`, that of output 0 (zeros if the loss depends on others only).
 * The reverse walk sums the result over broadcast axes, so a rule never does. Undefined: the loss does not depend on this input.
 */
export type Rule<A extends object = object> = (
  gradient: Tensor,
  inputs: Operands,
  outputs: Operands,
  attributes: A,
  context: RuleContext,
) => Tensor | undefined;

/** A node whose gradients are asked for. */
export interface Differentiated<A extends object = object> {
  /** The gradient of each output; undefined where the loss does not depend on it. */
  readonly gradients: readonly (Tensor | undefined)[];
  readonly inputs: Operands;
  readonly outputs: Operands;
  readonly attributes: A;
  /** For each input, whether its gradient is needed. */
  readonly wanted: readonly boolean[];
}

/** The gradients with respect to all inputs at once, for operators that compute them together; like those of a {@link Rule}. */
export interface JointRule<A extends object = object> {
  all(node: Differentiated<A>): readonly (Tensor | undefined)[];
}

/** Writes ONNX nodes; see the room `onnx`. Values are known by their names. */
export interface Emitter {
  node(type: string, inputs: readonly string[], attributes?: Attributes, outputs?: number, domain?: string): string[];
  /** A one-dimensional int64 constant, as ONNX wants its shapes, axes and sizes. */
  int64(values: readonly number[]): string;
  /** The graph of a loop's body, as an attribute; it may name values around it that `captured` maps its leaves to. */
  subgraph(inputs: readonly Tensor[], outputs: readonly Tensor[], captured: ReadonlyMap<Tensor, string>): unknown;
  /** A scalar constant. */
  scalar(value: number | bigint, dtype: TensorType["dtype"]): string;
}

/** A node of an ONNX file, as what reads it sees it; see the room `onnx`. What it lacks or has otherwise than asked for is an error. */
export interface OnnxNode {
  readonly type: string;
  /** The version of its domain's operators that the file is written for. */
  readonly version: number;
  /** How many outputs it has; trailing ones may be left out. */
  readonly outputs: number;
  /** How many inputs it has; trailing ones may be left out. */
  readonly inputs: number;
  /** The floating-point type that the module computes in. */
  readonly float: DType;
  /** The input at a place; an error where it is left out. */
  input(index: number): Tensor;
  /** Undefined where the input is left out. */
  optional(index: number): Tensor | undefined;
  /** The inputs from `start` on. */
  rest(start?: number): Tensor[];
  /** The elements of an input that must be known as the graph is made, such as a shape: undefined where the input is left out. */
  known(index: number): readonly number[] | undefined;
  /** The elements of an input where they are known as the graph is made, else undefined. */
  whereKnown(index: number): readonly number[] | undefined;
  /** A list of integers that older versions have as an attribute and newer ones as an input. */
  integersOf(name: string, index: number): readonly number[] | undefined;
  /** An integer among the attributes, or what it is by default. */
  integer(name: string, otherwise: number): number;
  /** A list of integers among the attributes. */
  integers(name: string): readonly number[] | undefined;
  /** A floating-point number among the attributes, or what it is by default. */
  number(name: string, otherwise: number): number;
  /** A list of floating-point numbers among the attributes. */
  numbers(name: string): readonly number[] | undefined;
  /** A text among the attributes, or what it is by default. */
  text(name: string, otherwise: string): string;
  /** A list of texts among the attributes. */
  texts(name: string): readonly string[] | undefined;
  /** Whether an attribute is given. */
  has(name: string): boolean;
  /** Whether the sizes of a batch, or all sizes, may be others than the file fixes. */
  readonly isLifted: boolean;
  /** The shape that the file gives the elements of `x`, or the one for a batch of another size. */
  liftedShape(x: Tensor, shape: Shape): Shape;
  /** Throws, naming the node, unless `condition` holds. */
  check(condition: boolean, message: () => string): asserts condition;
}

/**
 * What an input of an ONNX node is: a setting, which is a constant; a statistic, which no optimizer trains; or a factor, by which a product or a
 * convolution multiplies.
 */
export type InputRole = "setting" | "statistic" | "factor";

/** How a node of an ONNX file is read. */
export interface Reading<A extends object = object> {
  /** The outputs of an ONNX node of this type; `operator` is the one declared. */
  read?(node: OnnxNode, operator: Operator<A>): Tensor | readonly Tensor[];
  /** The roles of the node's inputs, by their places, but for other weights and values. */
  readonly roles?: Readonly<Record<number, InputRole>>;
}

/** The elements along some axes combined one after the other. */
export interface Reduction {
  readonly axes: readonly number[];
  /** The result for no elements. */
  readonly initial: number;
  combine<T>(algebra: Algebra<T>, total: T, x: T): T;
  /** Whether the total is divided by the number of elements. */
  readonly averages?: boolean;
}

/** A matrix product of the last two axes, plus a third operand where there is one. */
export interface Product {
  readonly transA: boolean;
  readonly transB: boolean;
  /** The factor of the product. */
  readonly alpha: number;
}

/** Where the inputs of an operator lie in its output. */
export interface Placement {
  /** The index in the output of each input's first element. */
  readonly starts: readonly (readonly number[])[];
  /** What the elements hold that no input covers. */
  readonly around: number;
}

/** In which operands a result is linear: in all of them together (a + b), in each by itself (a b), in the first (a / b). */
export type Linearity = "together" | "each" | "first";

/**
 * Slices, or single elements, along an axis of the first operand. The second operand holds their indices: integers from 0, or from the end
 * where negative.
 */
export interface Selection {
  readonly axis: number;
  /** Whether each index names a whole slice, or the one element at its own place along the other axes. */
  readonly whole: boolean;
  /** Whether the result is what is selected, or a copy of the first operand in which the third is added to that, or put in its place. */
  readonly does: "take" | "add" | "set";
}

/**
 * What an element sees along an axis of an operand: all of it, or `count` neighbours, of which the first is at `start` plus `step` times the
 * element's index. Fractions stand for what neighbouring elements do on the average.
 */
export type Sight = "all" | { readonly count: number; readonly step: number; readonly start: number };

/** A loop over the first axis of sequences. */
export interface Loop {
  /** Its inputs: the carries, one slice of each sequence, then the captured values; its outputs: the next carries, then a slice of each result. */
  readonly body: { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] };
  readonly carries: number;
  readonly sequences: number;
  readonly length: number;
  readonly reverse: boolean;
}

/**
 * How an operator computes its outputs. Passes, the executor of small graphs and estimates serve all operators of a kind.
 * - `elementwise`: each output element depends on the input elements at its place alone; the inputs broadcast
 * - `source`: the elements follow from the attributes alone
 * - `movement`: the view of output `index`, which has elements of the only operand; undefined where no strides describe it
 * - `placement`: the operands side by side
 * - `convolution`: an image `[batch, channels, ...places]` by a kernel `[outputs, channels / group, ...kernel]`, plus a bias `[outputs]` where given
 * - `opaque`: nothing is declared; a kernel computes it, or what it decomposes into
 */
export type Kind<A> =
  | {
      readonly is: "elementwise";
      readonly expression: Expression<A>;
      /** Whether the operands may change places. */
      readonly commutative?: boolean;
    }
  | { readonly is: "source"; elements(attributes: A): readonly number[] }
  | { readonly is: "reduction"; reduction(attributes: A): Reduction }
  | {
      readonly is: "product";
      product(attributes: A): Product;
      /** Whether leading axes broadcast. */
      readonly broadcasts?: boolean;
      /** The result with its last two axes swapped, by as little work. */
      transposed?(inputs: Operands, attributes: A): Tensor | undefined;
    }
  | { readonly is: "movement"; movement(view: View, attributes: A, index: number): View | undefined }
  | { readonly is: "placement"; placement(inputs: readonly Tensor[], attributes: A): Placement }
  | { readonly is: "selection"; selection(attributes: A): Selection }
  | { readonly is: "convolution"; convolution(attributes: A): ConvolutionGeometry }
  | { readonly is: "loop"; loop(attributes: A): Loop }
  | { readonly is: "opaque" };

/**
 * An operator: what comes out, how it is computed, how it is differentiated.
 * @typeParam A its attributes
 */
export interface Declaration<A extends object = object> extends Reading<A> {
  /** The types of the outputs; throws where the inputs do not fit. `type` is the operator's name, for the error. */
  infer(inputs: Operands, attributes: A, type: string): TensorType | readonly TensorType[];
  readonly kind: Kind<A>;
  /** One rule an input (undefined: no gradient flows there), one rule for every input of a variadic operator, or one for all inputs at once. */
  readonly gradient: "nonDifferentiable" | Rule<A> | readonly (Rule<A> | undefined)[] | JointRule<A>;
  /** The ONNX nodes that compute it; by default one of the same type with the same attributes. */
  emit?(emitter: Emitter, inputs: readonly string[], attributes: A, node: Node): readonly string[];
  /** The same value out of other operators, for targets that have no kernel of this one; undefined to keep it. */
  decompose?(inputs: Operands, attributes: A, target?: Target): Tensor | readonly Tensor[] | undefined;
  /** The same value by less work, where the inputs allow it: `x * 1` is `x`, a product takes up a transpose. */
  simplify?(inputs: Operands, attributes: A): Tensor | undefined;
  /** The logarithm of the only output, where that is more exact than the logarithm of the output once it is rounded. */
  logarithm?(inputs: Operands, attributes: A): Tensor;
  /** The same value, more exactly, from what the operands were computed from; its gradient is taken for this one's too. */
  refine?(inputs: Operands, attributes: A): Tensor | undefined;
  readonly linearity?: Linearity;
  /** How many multiplications, with an addition each, its kernel makes, where it is no product but made of some. */
  multiplications?(inputs: Operands, attributes: A): number;
  /**
   * What an element of the result sees along each axis of the first operand, of whose rank the result is, where neither the kind says it nor the
   * operators that it decomposes into.
   */
  sees?(inputs: Operands, attributes: A): readonly Sight[];
  /** What all elements lie between, whatever the inputs are. */
  readonly range?: { readonly low: number; readonly high: number };
}

/** A declared operator, which knows its name. */
export interface Operator<A extends object = object> extends Declaration<A> {
  readonly type: string;
}

/** Declares an operator whose attributes have type `A`. */
export const declare = <A extends object = object>(declaration: Declaration<A>): Declaration<NoInfer<A>> => declaration;

/** A family of operators, keyed by their ONNX types. */
export function family<D extends Readonly<Record<string, Declaration<never>>>>(
  declarations: D,
): { readonly [K in keyof D]: D[K] extends Declaration<infer A> ? Operator<A> : never } {
  const named = Object.entries(declarations).map(([type, declaration]) => [type, { ...declaration, type }]);
  return Object.fromEntries(named);
}

/** The attributes as the last argument of a function, which may be left out where an operator needs none. */
export type Given<A extends object> = object extends A ? [attributes?: A] : [attributes: A];

/** Tensors as rules and declarations take them. */
export const asOperands = (tensors: readonly Tensor[]): Operands => tensors as unknown as Operands;

/** Applies an operator and returns all its outputs. Variables among the operands are read here. */
export function applyAll<A extends object>(operator: Operator<A>, operands: readonly Tensor[], ...attributes: Given<A>): Operands;
export function applyAll(operator: Operator, operands: readonly Tensor[], attributes: object = {}): Operands {
  const inputs = asOperands(operands.map(reading));
  const types = [operator.infer(inputs, attributes, operator.type)].flat() as TensorType[];
  return asOperands(makeNode(operator, inputs, attributes as Attributes, types));
}

/** Applies an operator and returns its first output. */
export const apply = <A extends object>(operator: Operator<A>, inputs: readonly Tensor[], ...attributes: Given<A>): Tensor =>
  applyAll(operator, inputs, ...attributes)[0];

/** In which operands an operator is linear, if in any: a product of two is so in each. */
export const linearityOf = (
  { linearity, kind }: Pick<Operator<never>, "linearity" | "kind">,
  inputs: readonly unknown[],
): Linearity | undefined => (kind.is === "product" && inputs.length === 2 ? "each" : linearity);

/** Whether the result of a node is its first input but for some rows, slices along the first axis. */
export function changesRows(node: Node): boolean {
  const { kind } = operatorOf(node);
  if (kind.is !== "selection") return false;
  const { axis, whole, does } = kind.selection(node.attributes);
  return axis === 0 && whole && does !== "take";
}

/** The operator of a node, which takes the attributes of that node: {@link applyAll} put them together, and nothing else makes nodes. */
export const operatorOf = (node: Node): Operator<Attributes> => node.operator as Operator<Attributes>;
