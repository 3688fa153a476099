import type { Node, Tensor } from "../graph/tensor.js";
import type { Operands, Operator } from "./operator.js";

/** A node of a known operator, whose attributes have the type that the operator declares. */
export interface NodeOf<A extends object> extends Node {
  readonly operator: Operator<A>;
  readonly inputs: Operands;
  readonly attributes: A & Node["attributes"];
}

/** A node of one of several operators. */
type NodeOfAny<O> = O extends Operator<infer A> ? NodeOf<A> : never;

/** Whether a node is of one of some operators. */
export const isNodeOf = <O extends readonly Operator<never>[]>(node: Node, ...operators: O): node is NodeOfAny<O[number]> =>
  operators.some((operator) => operator === node.operator);

/** The node that makes `x`, where it is of one of some operators; else undefined. */
export const match = <O extends readonly Operator<never>[]>({ source }: Tensor, ...operators: O): NodeOfAny<O[number]> | undefined =>
  source.kind === "node" && isNodeOf(source, ...operators) ? source : undefined;
