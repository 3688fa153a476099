import type { AttributeProto, TensorProto } from "onnx-buf";
import type { DType } from "../graph/dtype.js";
import { excerpt, KasaneError } from "../graph/error.js";
import { fromData, hostData, Tensor } from "../graph/tensor.js";
import { inModule } from "../graph/trace.js";
import { hostValue } from "../ops/hostValue.js";
import { operatorOf } from "../ops/operator.js";
import { type FileGraph, type FileModel, type FileNode, keyOf } from "./fileGraph.js";
import { type InnerGraph, type OriginalShapes, ReadNode } from "./readNode.js";
import { type NodeReader, readerOf, type Value } from "./registry.js";
import type { QuantizedFactor } from "./weights.js";

/** A model ready to be traced. */
export interface Program {
  readonly model: FileModel;
  /** The tensors of the file: variables, or constants. */
  readonly constants: ReadonlyMap<TensorProto, Tensor>;
  /** The types' numbers in onnx.proto of these tensors. */
  readonly types: ReadonlyMap<Tensor, number>;
  /** The quantised factors of nodes. */
  readonly quantized: ReadonlyMap<FileNode, QuantizedFactor>;
  readonly float: DType;
  readonly rounds: boolean;
  /** Where sizes are lifted, the shapes that nodes had with those of the file. */
  readonly original?: ReadonlyMap<FileNode, OriginalShapes>;
  /** Notes the shapes of nodes. */
  readonly record?: Map<FileNode, OriginalShapes>;
}

/** The values that the nodes of a graph see: their own, then those around. */
class Scope {
  readonly values = new Map<string, Value>();

  constructor(
    private readonly graph: FileGraph,
    private readonly program: Program,
    /** What belongs to the graph: the attributes of a call, and the versions of operators. */
    readonly call: Call,
    private readonly outer?: Scope,
  ) {}

  get(name: string): Value {
    const found = this.find(name);
    if (found !== undefined) return found;
    throw new KasaneError(`the value "${excerpt(name, 60)}" is used and nothing gives it`);
  }

  private find(name: string): Value | undefined {
    const own = this.values.get(name);
    if (own) return own;
    const proto = this.graph.constants.get(name);
    return proto ? this.program.constants.get(proto) : this.outer?.find(name);
  }
}

/** In what a graph is computed: the model, or a call of a function that it defines. */
interface Call {
  readonly versions: ReadonlyMap<string, number>;
  /** The attributes of the function's call. */
  readonly attributes: ReadonlyMap<string, AttributeProto>;
}

/** The outputs of a model, of tensors by the names of its inputs. */
export function interpret(program: Program, inputs: ReadonlyMap<string, Tensor>): readonly Value[] {
  const { graph, versions } = program.model;
  const scope = new Scope(graph, program, { versions, attributes: new Map() });
  for (const [name, value] of inputs) scope.values.set(name, value);
  return run(graph, scope, program);
}

function run(graph: FileGraph, scope: Scope, program: Program): readonly Value[] {
  for (const node of graph.nodes) {
    const results = inModule(node.label, () => valuesOf(node, scope, program));
    node.outputs.forEach((name, i) => {
      const value = results[i];
      if (name !== "" && value !== undefined) scope.values.set(name, value);
    });
  }
  return graph.outputs.map(({ name }) => scope.get(name));
}

function valuesOf(node: FileNode, scope: Scope, program: Program): readonly Value[] {
  const inputs = trimmed(node.inputs).map((name) => (name === "" ? undefined : scope.get(name)));
  const attributes = resolved(node, scope.call);
  const defined = program.model.functions.get(keyOf(node.domain, node.type));
  const reader = readerOf(node.domain, node.type);
  if (defined && (!reader || node.domain !== "")) return call(defined, inputs, attributes, program);
  const read = new ReadNode(node, inputs, attributes, {
    float: program.float,
    rounds: program.rounds,
    isLifted: program.original !== undefined,
    original: program.original?.get(node),
    weight: program.quantized.get(node),
    version: scope.call.versions.get(node.domain) ?? scope.call.versions.get("") ?? 1,
    storedType: (tensor) => program.types.get(tensor),
    constant: ({ t }) => program.constants.get(t as TensorProto) as Tensor,
    inner: (name) => innerGraph(node.graphs.get(name), scope, program),
  });
  const result = (reader as NodeReader).read(read);
  const [first, output] = [inputs[0], result instanceof Tensor ? result : result[0]];
  if (first instanceof Tensor && output instanceof Tensor) program.record?.set(node, { input: first.shape, output: output.shape });
  return (result instanceof Tensor ? [result] : result).map((value) => (value instanceof Tensor ? folded(value) : value));
}

/** Without what is left out at the end. */
const trimmed = (names: readonly string[]): readonly string[] => names.slice(0, names.findLastIndex((name) => name !== "") + 1);

/** The attributes of a node, those of a function's node with what the call gives for the names that they refer to. */
function resolved({ attributes }: FileNode, { attributes: given }: Call): ReadonlyMap<string, AttributeProto> {
  const list = [...attributes].flatMap(([name, attribute]): [string, AttributeProto][] => {
    if (attribute.refAttrName === "") return [[name, attribute]];
    const found = given.get(attribute.refAttrName);
    return found ? [[name, found]] : [];
  });
  return new Map(list);
}

function call(
  { graph, defaults, versions }: NonNullable<ReturnType<FileModel["functions"]["get"]>>,
  inputs: readonly (Value | undefined)[],
  attributes: ReadonlyMap<string, AttributeProto>,
  program: Program,
): readonly Value[] {
  const scope = new Scope(graph, program, { versions, attributes: new Map([...defaults, ...attributes]) });
  graph.inputs.forEach(({ name }, i) => {
    const value = inputs[i];
    if (value !== undefined) scope.values.set(name, value);
  });
  return run(graph, scope, program);
}

function innerGraph(graph: FileGraph | undefined, outer: Scope, program: Program): InnerGraph | undefined {
  return (
    graph && {
      inputs: graph.inputs,
      run: (values) => {
        const scope = new Scope(graph, program, outer.call, outer);
        graph.inputs.forEach(({ name }, i) => {
          scope.values.set(name, values[i] as Value);
        });
        return run(graph, scope, program);
      },
    }
  );
}

/** Elements of a value that may be a shape, at most. */
const mostSizes = 16;

/**
 * A value that constants alone decide, such as a shape, as a constant. A long part of a longer constant, such as the first positions, stays a part:
 * how long it is may be free in a model that is written.
 */
function folded(x: Tensor): Tensor {
  if (x.source.kind !== "node" || !x.source.inputs.every((input) => hostData(input))) return x;
  const [from] = x.source.inputs;
  const isPart = operatorOf(x.source).kind.is === "movement" && x.size < (from?.size ?? 0);
  if (isPart && x.size > mostSizes) return x;
  const data = hostValue(x);
  return data ? fromData(data, x.shape, x.dtype) : x;
}
