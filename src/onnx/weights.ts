import type { TensorProto } from "onnx-buf";
import { type DType, isFloat } from "../graph/dtype.js";
import { fromData, type Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { cast } from "../ops/cast.js";
import { scalar } from "../ops/constants.js";
import type { InputRole } from "../ops/operator.js";
import { unusedName } from "./emit.js";
import type { FileGraph, FileModel, FileNode } from "./fileGraph.js";
import { dtypeOfType, type ExternalData, readTensor } from "./fileTensor.js";
import { dequantize } from "./read/quantized.js";
import { type QuantizedWeight, readerOf } from "./registry.js";

/** A quantised factor as a variable, in the units of its scale where the node itself knows no scale. */
export interface QuantizedFactor {
  readonly variable: Variable;
  readonly unit?: Tensor;
}

/** The tensors of a model, and its variables by their names. */
export interface Weights {
  readonly constants: ReadonlyMap<TensorProto, Tensor>;
  /** The quantised factors of nodes. */
  readonly quantized: ReadonlyMap<FileNode, QuantizedFactor>;
  readonly variables: ReadonlyMap<string, Variable>;
  /** The names of the variables with two axes or more by which products and convolutions multiply, but for quantised ones. */
  readonly factors: readonly string[];
}

/** For what a tensor of the file is used. */
interface Uses {
  readonly name: string;
  readonly isInitializer: boolean;
  readonly roles: Set<InputRole | "weight">;
}

type Find = (name: string) => TensorProto | undefined;

/** A node that multiplies by, or gives, quantised numbers of the file. */
interface QuantizedUse {
  readonly node: FileNode;
  readonly weight: QuantizedWeight;
  readonly find: Find;
}

/**
 * The tensors of a model. Floating-point initializers are variables under their own names, and so are lists of numbers in Constant nodes, but for what
 * is only used as a setting; quantised factors become variables of floating-point numbers. No optimizer trains statistics and single numbers
 * without an axis.
 */
export function weightsOf(model: FileModel, file: string, float: DType, external: ExternalData): Weights {
  const uses = new Map<TensorProto, Uses>();
  const quantizedUses: QuantizedUse[] = [];
  for (const graph of [model.graph, ...[...model.functions.values()].map((each) => each.graph)])
    collect(graph, () => undefined, uses, quantizedUses);
  const factors: string[] = [];
  const constants = new Map<TensorProto, Tensor>();
  const variables = new Map<string, Variable>();
  const taken = new Set<string>();
  const addVariable = (name: string, initial: Tensor, trainable: boolean): Variable => {
    const own = unusedName(name, taken);
    const variable = new Variable(initial, { name: own, trainable });
    variables.set(own, variable);
    return variable;
  };
  for (const [proto, { name, isInitializer, roles }] of uses) {
    // Texts are no tensors here; a node that uses one says so.
    if (dtypeOfType(proto.dataType) === undefined) continue;
    const { data, shape, dtype } = readTensor(proto, file, float, external);
    const value = fromData(data, shape, dtype);
    const isWeight = isFloat(dtype) && (isInitializer || value.size > 1) && [...roles].some((role) => role !== "setting");
    const variable = isWeight ? addVariable(name, value, shape.length > 0 && !roles.has("statistic")) : undefined;
    if (variable && shape.length > 1 && roles.has("factor")) factors.push(variable.name);
    constants.set(proto, variable ?? value);
  }
  return { constants, variables, quantized: quantizedFactors(quantizedUses, constants, float, addVariable), factors };
}

/** Notes what each tensor of a graph, and of those within it, is used for. */
function collect(graph: FileGraph, outer: Find, uses: Map<TensorProto, Uses>, factors: QuantizedUse[]): void {
  const own = new Map(graph.constants);
  for (const [name, proto] of graph.constants) uses.set(proto, { name, isInitializer: true, roles: new Set() });
  for (const node of graph.nodes) {
    for (const [attribute, { t }] of node.attributes) {
      if (!t) continue;
      uses.set(t, { name: node.outputs[0] ?? attribute, isInitializer: false, roles: new Set() });
      if (node.type === "Constant" && node.domain === "") own.set(node.outputs[0] ?? "", t);
    }
  }
  const find: Find = (name) => own.get(name) ?? outer(name);
  const use = (name: string, role: InputRole | "weight") => {
    const proto = find(name);
    if (proto) uses.get(proto)?.roles.add(role);
  };
  for (const node of graph.nodes) {
    const reader = readerOf(node.domain, node.type);
    node.inputs.forEach((name, i) => {
      use(name, reader?.roles?.[i] ?? "weight");
    });
    if (reader?.weight) factors.push({ node, weight: reader.weight, find });
    for (const inner of node.graphs.values()) collect(inner, find, uses, factors);
  }
  for (const { name } of graph.outputs) use(name, "weight");
}

/** The quantised factors that the file has, as variables of what the integers stand for. */
function quantizedFactors(
  factors: readonly QuantizedUse[],
  constants: ReadonlyMap<TensorProto, Tensor>,
  float: DType,
  addVariable: (name: string, initial: Tensor, trainable: boolean) => Variable,
): Map<FileNode, QuantizedFactor> {
  const known = new Map<Tensor, Map<string, Variable>>();
  const found = new Map<FileNode, QuantizedFactor>();
  for (const { node, find, weight } of factors) {
    const { value, scale, zero, axis } = weight;
    const nameOf = (index: number) => node.inputs[index] ?? "";
    // Quantisers call the scale of `x_quantized` `x_scale`.
    const scaleName = scale === undefined ? nameOf(value).replace(/(_quantized)?$/, "_scale") : nameOf(scale);
    const [q, z, given] = [nameOf(value), nameOf(zero), scaleName].map((name) => {
      const proto = find(name);
      const tensor = proto && constants.get(proto);
      return tensor instanceof Variable ? tensor.initial : tensor;
    });
    if (!q || isFloat(q.dtype) || (nameOf(zero) !== "" && !z) || (scale !== undefined && !given)) continue;
    const numbers = given ? cast(given, float) : scalar(1, float);
    const variables = known.get(q) ?? new Map<string, Variable>();
    known.set(q, variables);
    const key = JSON.stringify([scaleName, nameOf(zero)]);
    const block = Number(node.attributes.get("block_size")?.i ?? 0);
    const scaling = { scale: numbers, zero: z, axis: axis ?? Number(node.attributes.get("axis")?.i ?? 1), block };
    const variable = variables.get(key) ?? addVariable(nameOf(value), dequantize(q, scaling), q.rank > 0);
    variables.set(key, variable);
    found.set(node, scale === undefined && given ? { variable, unit: numbers } : { variable });
  }
  return found;
}
