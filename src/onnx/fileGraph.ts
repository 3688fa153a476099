import { fromBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "onnx-buf";
import { check, excerpt, KasaneError } from "../graph/error.js";

/** An input or output of a model, as its file declares it. */
export interface FileValue {
  readonly name: string;
  /** The type's number in onnx.proto; 0 where nothing, or no tensor, is declared. */
  readonly type: number;
  /** Sizes, or the names of free ones (empty: unnamed); undefined where the rank is free too. */
  readonly shape: readonly (number | string)[] | undefined;
}

/** A node, with its attributes by name. */
export interface FileNode {
  readonly type: string;
  readonly domain: string;
  /** Its name, or what tells where it is. */
  readonly label: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
  /** The graphs among its attributes. */
  readonly graphs: ReadonlyMap<string, FileGraph>;
}

/** A graph: of a model, of a branch or a loop within, or of a function that the model defines. Its nodes stand in the order of computation. */
export interface FileGraph {
  readonly inputs: readonly FileValue[];
  readonly outputs: readonly FileValue[];
  readonly nodes: readonly FileNode[];
  readonly constants: ReadonlyMap<string, TensorProto>;
}

/** A function that a model defines of other operators. */
export interface FileFunction {
  readonly graph: FileGraph;
  readonly defaults: ReadonlyMap<string, AttributeProto>;
  readonly versions: ReadonlyMap<string, number>;
}

/** What a file holds. */
export interface FileModel {
  readonly graph: FileGraph;
  /** The version of the operators of each domain; that of the standard is "". */
  readonly versions: ReadonlyMap<string, number>;
  /** By domain and name, as {@link keyOf} has them. */
  readonly functions: ReadonlyMap<string, FileFunction>;
}

/** How operators are found: by domain and type. The standard's domain has two names. */
export const keyOf = (domain: string, type: string): string => `${normalDomain(domain)}:${type}`;

const normalDomain = (domain: string): string => (domain === "ai.onnx" ? "" : domain);

/** The oldest and the newest version of the standard's operators that are read. */
const oldest = 7;
const newest = 28;

/** Graphs within graphs nest so deep at most. */
const deepest = 32;

/** Parses the bytes of an `.onnx` file and checks the order of its nodes: each after those that it uses. */
export function parseModel(bytes: Uint8Array, file: string): FileModel {
  let proto: ModelProto;
  try {
    proto = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw new KasaneError(`${file} is no ONNX model: ${excerpt((error as Error).message, 200)}`, { cause: error });
  }
  check(proto.graph !== undefined, () => `${file} is no ONNX model: it has no graph`);
  const versions = versionsOf(proto);
  const version = versions.get("") ?? 0;
  check(
    version === 0 || (version >= oldest && version <= newest),
    () =>
      `${file} is written for version ${version} of ONNX's operators: expected ${oldest} to ${newest}: convert it (onnx.version_converter)`,
  );
  const functions = new Map(proto.functions.map((each) => [keyOf(each.domain, each.name), functionOf(each, file)]));
  checkRecursion(functions, file);
  return { graph: graphOf(proto.graph, file, 0), versions, functions };
}

const versionsOf = ({ opsetImport }: Pick<ModelProto, "opsetImport">): Map<string, number> =>
  new Map(opsetImport.map(({ domain, version }) => [normalDomain(domain), Number(version)]));

function functionOf(proto: FunctionProto, file: string): FileFunction {
  const values = (names: readonly string[]) => names.map((name): FileValue => ({ name, type: 0, shape: undefined }));
  const graph = { inputs: values(proto.input), outputs: values(proto.output), constants: new Map<string, TensorProto>() };
  return {
    graph: { ...graph, nodes: ordered(proto.node, graph, `${file}: function ${excerpt(proto.name, 60)}`, 0) },
    defaults: new Map(proto.attributeProto.map((each) => [each.name, each])),
    versions: versionsOf(proto),
  };
}

/** Throws where a function uses itself. */
function checkRecursion(functions: ReadonlyMap<string, FileFunction>, file: string): void {
  const done = new Set<string>();
  const visit = (key: string, outer: readonly string[]): void => {
    const found = functions.get(key);
    if (!found || done.has(key)) return;
    check(
      !outer.includes(key) && outer.length < deepest,
      () => `${file}: the function ${excerpt(key, 60)} uses itself, or functions nest too deep`,
    );
    const uses = (graph: FileGraph): string[] =>
      graph.nodes.flatMap(({ domain, type, graphs }) => [keyOf(domain, type), ...[...graphs.values()].flatMap(uses)]);
    for (const used of new Set(uses(found.graph))) visit(used, [...outer, key]);
    done.add(key);
  };
  for (const key of functions.keys()) visit(key, []);
}

function graphOf(proto: GraphProto, owner: string, depth: number): FileGraph {
  check(depth <= deepest, () => `${owner}: graphs within graphs more than ${deepest} deep`);
  check(proto.sparseInitializer.length === 0, () => `${owner} has sparse initializers, which are not read: expected dense ones`);
  const constants = new Map<string, TensorProto>();
  for (const each of proto.initializer) {
    check(!constants.has(each.name), () => `${owner} has two initializers named "${excerpt(each.name, 60)}"`);
    constants.set(each.name, each);
  }
  // Old files list their weights among the inputs.
  const inputs = proto.input.map(valueOf).filter(({ name }) => !constants.has(name));
  check(new Set(inputs.map(({ name }) => name)).size === inputs.length, () => `${owner} has two inputs of one name`);
  const outputs = proto.output.map(valueOf);
  check(outputs.length > 0 || depth > 0, () => `${owner} has no outputs`);
  const graph = { inputs, outputs, constants };
  return { ...graph, nodes: ordered(proto.node, graph, owner, depth) };
}

function valueOf({ name, type }: ValueInfoProto): FileValue {
  const tensor = type?.value.case === "tensorType" ? type.value.value : undefined;
  const shape = tensor?.shape?.dim.map(({ value }) =>
    value.case === "dimValue" && value.value >= 0n ? Number(value.value) : value.case === "dimParam" ? value.value : "",
  );
  return { name, type: tensor?.elemType ?? 0, shape };
}

/** The nodes that the outputs of a graph need, each after those that make what it uses. */
function ordered(
  protos: readonly NodeProto[],
  { inputs, outputs, constants }: Omit<FileGraph, "nodes">,
  owner: string,
  depth: number,
): readonly FileNode[] {
  const nodes = protos.map((proto, i) => nodeOf(proto, i, owner, depth));
  const makers = new Map<string, FileNode>();
  const given = new Set([...inputs.map(({ name }) => name), ...constants.keys()]);
  for (const node of nodes) {
    for (const output of node.outputs) {
      if (output === "") continue;
      check(!makers.has(output) && !given.has(output), () => `${owner}: two values are named "${excerpt(output, 60)}"`);
      makers.set(output, node);
    }
  }
  const state = new Map<FileNode, "open" | "done">();
  const result: FileNode[] = [];
  // Depth first, by a stack of its own, since graphs are deep.
  const pending = outputs
    .map(({ name }) => makers.get(name))
    .filter((node) => node !== undefined)
    .reverse();
  for (let node = pending.at(-1); node; node = pending.at(-1)) {
    if (state.get(node) === "done") {
      pending.pop();
      continue;
    }
    const uses = usedBy(node).flatMap((name) => makers.get(name) ?? []);
    const waiting = uses.filter((each) => state.get(each) !== "done");
    if (waiting.length === 0) {
      state.set(node, "done");
      result.push(node);
      pending.pop();
      continue;
    }
    state.set(node, "open");
    for (const each of waiting) {
      check(state.get(each) !== "open", () => `${owner}: the graph has a cycle at ${(node as FileNode).label}`);
      pending.push(each);
    }
  }
  return result;
}

const used = new WeakMap<FileNode, readonly string[]>();

/** The values that a node uses, those that graphs in it take from around too. */
function usedBy(node: FileNode): readonly string[] {
  const known = used.get(node) ?? namesUsedBy(node);
  used.set(node, known);
  return known;
}

function namesUsedBy({ inputs, graphs }: FileNode): readonly string[] {
  const inner = [...graphs.values()].flatMap((graph) => {
    const own = new Set([
      ...graph.inputs.map(({ name }) => name),
      ...graph.constants.keys(),
      ...graph.nodes.flatMap(({ outputs }) => outputs),
    ]);
    return [...graph.nodes.flatMap(usedBy), ...graph.outputs.map(({ name }) => name)].filter((name) => !own.has(name));
  });
  return [...inputs, ...inner];
}

function nodeOf(proto: NodeProto, index: number, owner: string, depth: number): FileNode {
  const label = proto.name === "" ? `${proto.opType} ${index}` : proto.name;
  const attributes = new Map(proto.attribute.map((each) => [each.name, each]));
  const graphs = new Map<string, FileGraph>();
  for (const { name, g } of proto.attribute) if (g) graphs.set(name, graphOf(g, `${owner}: ${excerpt(label, 60)}`, depth + 1));
  return {
    type: proto.opType,
    domain: normalDomain(proto.domain),
    label: excerpt(label, 100),
    inputs: proto.input,
    outputs: proto.output,
    attributes,
    graphs,
  };
}
