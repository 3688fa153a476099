import { create, isMessage, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { convert, type DType, type TypedArray } from "../graph/dtype.js";
import { KasaneError } from "../graph/error.js";
import type { Shape } from "../graph/shape.js";
import {
  type Attributes,
  type FloatAttribute,
  hostData,
  keyOfElements,
  type Named,
  type Node,
  type Tensor,
  type TensorType,
} from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { onnxTypes } from "../ops/cast.js";
import { type Emitter, operatorOf } from "../ops/operator.js";

/** The version of ONNX's operators that graphs are written in, and of the file format that belongs to it. */
const opset = 21;
const irVersion = 10;

/**
 * Writes a prepared graph as an ONNX model. Data leaves that are not inputs become constants of the model.
 * @param initial values of inputs that the model carries itself (weights), by name
 */
export function emitModel(
  inputs: readonly Named[],
  outputs: readonly Named[],
  initial: ReadonlyMap<string, TypedArray> = new Map(),
): ModelProto {
  const writer = new GraphWriter(inputs);
  writer.write(outputs);
  for (const { name, tensor } of inputs) {
    const data = initial.get(name);
    if (data) writer.initializers.push(tensorProto(name, tensor.dtype, tensor.shape, data));
  }
  const graph = writer.graph(
    inputs.filter(({ name }) => !initial.has(name)),
    outputs,
  );
  return create(ModelProtoSchema, {
    irVersion: BigInt(irVersion),
    producerName: "kasane",
    opsetImport: [{ domain: "", version: BigInt(opset) }, ...[...writer.domains].map((domain) => ({ domain, version: 1n }))],
    graph,
  });
}

/** {@link emitModel} as the bytes of an `.onnx` file. */
export const encodeModel = (...model: Parameters<typeof emitModel>): Uint8Array => toBinary(ModelProtoSchema, emitModel(...model));

/** `name`, lengthened until it is not among those taken; adds it to them. */
export function unusedName(name: string, taken: Set<string>): string {
  let free = name;
  while (taken.has(free)) free += "_";
  taken.add(free);
  return free;
}

class GraphWriter implements Emitter {
  readonly initializers: TensorProto[] = [];
  /** The domains of operators beside the standard one, such as a provider's own. */
  readonly domains = new Set<string>();
  private readonly nodes: NodeProto[] = [];
  private readonly names = new Map<Tensor, string>();
  private readonly constants = new Map<string, string>();
  /** The final names of the values that are outputs. */
  private readonly renamed = new Map<string, string>();
  /** Values that the body of a loop knows by their first names. */
  private readonly pinned = new Set<string>();
  private path = "";

  constructor(
    inputs: readonly Named[],
    private readonly taken = new Set<string>(),
  ) {
    for (const { name, tensor } of inputs) {
      this.names.set(tensor, name);
      this.taken.add(name);
    }
  }

  write(outputs: readonly Named[]): void {
    for (const { name } of outputs) this.taken.add(name);
    for (const node of topologicalOrder(outputs.map(({ tensor }) => tensor))) this.add(node);
    const made = new Set(this.nodes.flatMap((node) => node.output));
    for (const { name, tensor } of outputs) {
      const value = this.nameOf(tensor);
      // In ONNX an input cannot be an output, nor a value two outputs: those are copied.
      if (made.delete(value) && !this.pinned.has(value)) this.renamed.set(value, name);
      else {
        const path = tensor.source.kind === "node" ? tensor.source.path : "";
        const label = this.fresh(`${path}/Identity_${this.taken.size}`);
        this.nodes.push(create(NodeProtoSchema, { opType: "Identity", name: label, input: [value], output: [name] }));
      }
    }
    const finalName = (name: string) => this.renamed.get(name) ?? name;
    for (const node of this.nodes) {
      node.input = node.input.map(finalName);
      node.output = node.output.map(finalName);
    }
  }

  private add(node: Node): void {
    this.path = node.path;
    const operator = operatorOf(node);
    const inputs = node.inputs.map((input) => this.nameOf(input));
    const results = operator.emit
      ? operator.emit(this, inputs, node.attributes, node)
      : this.node(operator.type, inputs, node.attributes, node.outputs.length);
    node.outputs.forEach((output, i) => this.names.set(output, results[i] as string));
  }

  subgraph(inputs: readonly Tensor[], outputs: readonly Tensor[], captured: ReadonlyMap<Tensor, string>): GraphProto {
    // Names inside may not repeat any outside, so both draw from one set.
    const named = inputs.map((tensor) => ({ name: this.fresh("step"), tensor }));
    const writer = new GraphWriter(named, this.taken);
    for (const [leaf, name] of captured) {
      writer.names.set(leaf, name);
      this.pinned.add(name);
    }
    const results = outputs.map((tensor) => ({ name: this.fresh("next"), tensor }));
    writer.write(results);
    for (const domain of writer.domains) this.domains.add(domain);
    return writer.graph(named, results);
  }

  node(type: string, inputs: readonly string[], attributes: Attributes = {}, outputs = 1, domain = ""): string[] {
    if (domain !== "") this.domains.add(domain);
    const id = this.taken.size;
    const results = Array.from({ length: outputs }, (_, i) => this.fresh(i === 0 ? `v${id}` : `v${id}_${i}`));
    this.nodes.push(
      create(NodeProtoSchema, {
        opType: type,
        domain,
        name: `${this.path}/${type}_${id}`,
        input: [...inputs],
        output: results,
        attribute: Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [attributeProto(name, value)])),
      }),
    );
    return results;
  }

  int64(values: readonly number[]): string {
    return this.constant("int64", [values.length], convert(values, "int64"));
  }

  scalar(value: number | bigint, dtype: DType): string {
    return this.constant(dtype, [], convert([value], dtype));
  }

  graph(inputs: readonly Named[], outputs: readonly Named[]): GraphProto {
    return create(GraphProtoSchema, {
      name: "kasane",
      node: this.nodes,
      initializer: this.initializers,
      input: inputs.map(({ name, tensor }) => valueInfo(name, tensor)),
      output: outputs.map(({ name, tensor }) => valueInfo(name, tensor)),
    });
  }

  private nameOf(tensor: Tensor): string {
    const known = this.names.get(tensor);
    if (known !== undefined) return known;
    const data = hostData(tensor);
    if (!data)
      throw new KasaneError(`a ${tensor.source.kind} leaf ${tensor} is no input of the graph: was it made in another traced function?`);
    const name = this.constant(tensor.dtype, tensor.shape, data);
    this.names.set(tensor, name);
    return name;
  }

  private constant(dtype: DType, shape: Shape, data: TypedArray): string {
    const key = data.length <= 16 ? `${dtype}[${shape}]${keyOfElements(data)}` : `#${this.initializers.length}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const name = this.fresh(`c${this.taken.size}`);
    this.initializers.push(tensorProto(name, dtype, shape, data));
    this.constants.set(key, name);
    return name;
  }

  private fresh(name: string): string {
    return unusedName(name, this.taken);
  }
}

const tensorProto = (name: string, dtype: DType, shape: Shape, data: TypedArray): TensorProto =>
  create(TensorProtoSchema, {
    name,
    dataType: onnxTypes[dtype],
    dims: shape.map(BigInt),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  });

const valueInfo = (name: string, { dtype, shape }: TensorType): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: onnxTypes[dtype],
          shape: { dim: shape.map((size) => ({ value: { case: "dimValue" as const, value: BigInt(size) } })) },
        },
      },
    },
  });

function attributeProto(name: string, value: unknown): AttributeProto {
  if (isMessage(value, GraphProtoSchema)) return create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: value });
  if (typeof value === "number") return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  if (typeof value === "string")
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  if (Array.isArray(value) && typeof value[0] === "string")
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.STRINGS,
      strings: value.map((item) => new TextEncoder().encode(item)),
    });
  if (Array.isArray(value))
    return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map((item) => BigInt(item as number)) });
  return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: (value as FloatAttribute).float });
}
