import type { Node, Tensor } from "../graph/tensor.js";
import type { Operands, Operator } from "./operator.js";

/** A node of a known operator, whose attributes have the type that the operator declares. */
export interface NodeOf<A> extends Node {
  readonly operator: Operator<A>;
  readonly inputs: Operands;
  readonly attributes: A & Node["attributes"];
}

/** Whether a node is of one of some operators. */
export const isNodeOf = <A>(node: Node, ...operators: readonly Operator<A>[]): node is NodeOf<A> =>
  (operators as readonly object[]).includes(node.operator);

/** The node that makes `x`, where it is of one of some operators; else undefined. */
export const match = <A>({ source }: Tensor, ...operators: readonly Operator<A>[]): NodeOf<A> | undefined =>
  source.kind === "node" && isNodeOf(source, ...operators) ? source : undefined;
