import type { TensorProto } from "onnx-buf";
import type { DType } from "../graph/dtype.js";
import { isFloat } from "../graph/dtype.js";
import { fromData, type Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import type { InputRole } from "../ops/operator.js";
import { unusedName } from "./emit.js";
import type { FileGraph, FileModel } from "./fileGraph.js";
import { dtypeOfType, type ExternalData, readTensor } from "./fileTensor.js";
import { readerOf } from "./registry.js";

/** The tensors of a model, and its variables by their names. */
export interface Weights {
  readonly constants: ReadonlyMap<TensorProto, Tensor>;
  readonly variables: ReadonlyMap<string, Variable>;
}

/** For what a tensor of the file is used. */
interface Uses {
  readonly name: string;
  readonly isInitializer: boolean;
  readonly roles: Set<InputRole | "weight">;
}

/**
 * The tensors of a model. Floating-point initializers are variables under their own names, and so are lists of numbers in Constant nodes, but for what
 * is only used as a setting. No optimizer trains statistics and single numbers without an axis.
 */
export function weightsOf(model: FileModel, file: string, float: DType, external: ExternalData): Weights {
  const uses = new Map<TensorProto, Uses>();
  collect(model.graph, [], uses);
  for (const { graph } of model.functions.values()) collect(graph, [], uses);
  const constants = new Map<TensorProto, Tensor>();
  const variables = new Map<string, Variable>();
  const taken = new Set<string>();
  for (const [proto, { name, isInitializer, roles }] of uses) {
    // Texts are no tensors here; a node that uses one says so.
    if (dtypeOfType(proto.dataType) === undefined) continue;
    const { data, shape, dtype } = readTensor(proto, file, float, external);
    const value = fromData(data, shape, dtype);
    const isVariable = isFloat(dtype) && (isInitializer || value.size > 1) && (roles.has("weight") || roles.has("statistic"));
    if (!isVariable) {
      constants.set(proto, value);
      continue;
    }
    const own = unusedName(name, taken);
    const variable = new Variable(value, { name: own, trainable: shape.length > 0 && !roles.has("statistic") });
    variables.set(own, variable);
    constants.set(proto, variable);
  }
  return { constants, variables };
}

/** Notes what each tensor of a graph, and of those within it, is used for; `outer` are the tensors around it. */
function collect(graph: FileGraph, outer: readonly ReadonlyMap<string, TensorProto>[], uses: Map<TensorProto, Uses>): void {
  const own = new Map(graph.constants);
  for (const [name, proto] of graph.constants) uses.set(proto, { name, isInitializer: true, roles: new Set() });
  for (const node of graph.nodes) {
    for (const [attribute, { t }] of node.attributes) {
      if (!t) continue;
      uses.set(t, { name: node.outputs[0] ?? attribute, isInitializer: false, roles: new Set() });
      if (node.type === "Constant" && node.domain === "") own.set(node.outputs[0] ?? "", t);
    }
  }
  const scopes = [own, ...outer];
  const use = (name: string, role: InputRole | "weight") => {
    const proto = scopes.find((scope) => scope.has(name))?.get(name);
    if (proto) uses.get(proto)?.roles.add(role);
  };
  for (const node of graph.nodes) {
    const roles = readerOf(node.domain, node.type)?.roles ?? {};
    node.inputs.forEach((name, i) => {
      use(name, roles[i] ?? "weight");
    });
    for (const inner of node.graphs.values()) collect(inner, scopes, uses);
  }
  for (const { name } of graph.outputs) use(name, "weight");
}
