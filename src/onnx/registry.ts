import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import type { Operator, Reading } from "../ops/operator.js";
import { operators } from "../ops/table.js";
import { type FileNode, keyOf } from "./fileGraph.js";
import { readers } from "./read/index.js";
import type { ReadNode } from "./readNode.js";

/** A value of a file's graph: a tensor, or a sequence of them. */
export type Value = Tensor | readonly Tensor[];

/** Where a node has a quantised factor: the places of the integers, their scale and their zero point, and the axis that these go along. */
export interface QuantizedWeight {
  readonly value: number;
  /** Undefined where the node has none: then it is found by its name. */
  readonly scale?: number;
  readonly zero: number;
  /** By default what the node says. */
  readonly axis?: number;
}

/** How a node of an ONNX file is read that is no operator of the table, but made of several. */
export interface NodeReader extends Pick<Reading, "roles"> {
  /** A factor that becomes a variable of floating-point numbers where the file has it. */
  readonly weight?: QuantizedWeight;
  /** What the node gives: its only output, or a list of its outputs, of which one may be a sequence of tensors. */
  read(node: ReadNode): Tensor | readonly Value[];
}

/** Settings of {@link registerOnnxOperator}. */
export interface OnnxOperatorOptions extends Pick<Reading, "roles"> {
  /** By default the standard's. */
  readonly domain?: string;
}

const registered = new Map<string, NodeReader>();

/**
 * Teaches {@link readOnnx} an operator, or another reading of one that it knows.
 * @param type the operator's name in ONNX files
 * @param read makes the node's output, or the list of its outputs, from `node.input(0)`, `node.integer("axis", 0)` and the like
 * @param options.roles which inputs are settings or statistics and no weights, by their places
 */
export function registerOnnxOperator(type: string, read: NodeReader["read"], options: OnnxOperatorOptions = {}): void {
  check(typeof read === "function", () => `registerOnnxOperator: got ${typeof read} for ${type}: expected a function of the node`);
  checkOptions<OnnxOperatorOptions>("registerOnnxOperator", options, { domain: "optional", roles: "optional" });
  registered.set(keyOf(options.domain ?? "", type), { read, ...(options.roles && { roles: options.roles }) });
}

/** How nodes of a type are read, if they are. */
export function readerOf(domain: string, type: string): NodeReader | undefined {
  const key = keyOf(domain, type);
  return registered.get(key) ?? (Object.hasOwn(readers, key) ? readers[key] : fromTable(domain, type));
}

/** The reading that an operator of the table declares. */
function fromTable(domain: string, type: string): NodeReader | undefined {
  const operator = domain === "" && Object.hasOwn(operators, type) ? (operators[type] as Operator<never>) : undefined;
  const read = operator?.read;
  return operator && read && { read: (node) => read(node, operator), ...(operator.roles && { roles: operator.roles }) };
}

/** Throws, naming them all, where operators are missing. */
export function checkOperators(missing: readonly FileNode[], versions: ReadonlyMap<string, number>, file: string): void {
  const first = new Map<string, FileNode>();
  for (const node of missing) if (!first.has(keyOf(node.domain, node.type))) first.set(keyOf(node.domain, node.type), node);
  check(first.size === 0, () => {
    const named = [...first.values()].map(({ type, domain, label }) => {
      const count = missing.filter((other) => other.type === type && other.domain === domain).length;
      const version = versions.get(domain);
      const where = `domain ${domain === "" ? "ai.onnx" : domain}${version === undefined ? "" : `, version ${version}`}`;
      return `${type} (${where}; ${count} ${count === 1 ? "node" : "nodes"}, the first "${label}")`;
    });
    const example = [...first.values()][0] as FileNode;
    const options = example.domain === "" ? "" : `, { domain: "${example.domain}" }`;
    return (
      `${file}: ${named.length === 1 ? "an operator is" : `${named.length} operators are`} missing: ${named.join("; ")}: ` +
      `register each, as by registerOnnxOperator("${example.type}", (node) => node.input(0)${options})`
    );
  });
}
