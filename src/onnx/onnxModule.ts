import { closestName } from "../graph/closestName.js";
import { type DType, isFloat } from "../graph/dtype.js";
import { check, excerpt } from "../graph/error.js";
import { checkChoice, checkOptions, type OptionNames } from "../graph/options.js";
import { sameShape, showShape } from "../graph/shape.js";
import { Tensor, totalSize } from "../graph/tensor.js";
import { textTable } from "../graph/textTable.js";
import type { Variable } from "../graph/variable.js";
import { Module } from "../nn/module.js";
import { cast } from "../ops/cast.js";
import { type FileGraph, type FileModel, type FileNode, type FileValue, keyOf, parseModel } from "./fileGraph.js";
import { dtypeOfType, type ExternalData, nameOfType } from "./fileTensor.js";
import { interpret, type Program } from "./interpret.js";
import { fedToLastProduct } from "./lastProduct.js";
import type { OriginalShapes } from "./readNode.js";
import { checkOperators, readerOf } from "./registry.js";
import { weightsOf } from "./weights.js";

/** Settings of {@link readOnnx}. */
export interface OnnxOptions {
  /** What floating-point values are computed in, whatever the file has them in. By default float32. */
  readonly dtype?: "float32" | "float64";
  /** Whether sizes that the file fixes may be given otherwise: those of the batch, the first axis of each input, or all. By default none. */
  readonly lift?: "none" | "batch" | "all";
  /** Whether quantised values are rounded as the file says (the gradient passes through as if they were not), or computed with as they are. By default true. */
  readonly round?: boolean;
}

/** The names of the options of {@link readOnnx}. */
export const onnxOptions: OptionNames<OnnxOptions> = { dtype: "optional", lift: "optional", round: "optional" };

/** An input or an output of a model. */
export interface OnnxValue {
  readonly name: string;
  /** Undefined where the file declares none. */
  readonly dtype: DType | undefined;
  /** Its sizes, or the names of those that are free, empty for one without a name; undefined where the rank is free too. */
  readonly shape: readonly (number | string)[] | undefined;
}

/**
 * A model of an `.onnx` file. Its variables are the weights of the file under the file's names; what it computes is traced anew for each
 * sizes of its inputs, so sizes that the file computes are numbers then.
 */
export class OnnxModule extends Module {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** The names of the variables by which products and convolutions multiply: the usual targets of {@link lora}. */
  readonly factors: readonly string[];
  readonly #variables: Readonly<Record<string, Variable>>;
  readonly #program: Program;
  readonly #lift: NonNullable<OnnxOptions["lift"]>;

  /** See {@link readOnnx}. */
  constructor(model: FileModel, file: string, external: ExternalData, options: OnnxOptions) {
    super();
    checkOptions("readOnnx", options, onnxOptions);
    const { dtype = "float32", lift = "none", round = true } = options;
    checkChoice("readOnnx", "dtype", dtype, ["float32", "float64"]);
    checkChoice("readOnnx", "lift", lift, ["none", "batch", "all"]);
    checkOperators(missingIn(model), model.versions, file);
    const { constants, variables, quantized, factors } = weightsOf(model, file, dtype, external);
    this.factors = factors;
    this.#variables = Object.assign(Object.create(null), Object.fromEntries(variables));
    const types = new Map([...constants].map(([{ dataType }, tensor]) => [tensor, dataType]));
    this.#program = { model, constants, types, quantized, float: dtype, rounds: round };
    this.#lift = lift;
    const valueOf = ({ name, type, shape }: FileValue): OnnxValue => {
      const held = dtypeOfType(type);
      check(type === 0 || held !== undefined, () => `${file}: "${excerpt(name, 60)}" holds ${nameOfType(type)}, which no tensor here does`);
      return { name, dtype: held && (isFloat(held) ? dtype : held), shape };
    };
    this.inputs = model.graph.inputs.map(valueOf);
    this.outputs = model.graph.outputs.map(valueOf);
  }

  /** The variables, by the names that the file has for them. */
  override memberFields(): object {
    return this.#variables;
  }

  /**
   * @param inputs a tensor for each of {@link inputs}, by name, of its shape, integers and floating-point numbers of any dtype
   * @returns the tensors of {@link outputs}, by name
   * @throws KasaneError where an input is missing or does not fit, or a node cannot be read, with the node's name
   */
  forward(inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    return this.values(
      inputs,
      this.outputs.map(({ name }) => name),
    );
  }

  /**
   * Values within the model, such as features, by the names that the file has for them.
   * @param inputs as those of {@link forward}
   * @param names of values that nodes of the file's graph give
   * @throws KasaneError where there is no such value, and as {@link forward}
   */
  values(inputs: Readonly<Record<string, Tensor>>, names: readonly string[]): Record<string, Tensor> {
    for (const name of names) this.checkValue(name);
    checkNames(
      inputs,
      this.inputs.map(({ name }) => name),
    );
    const given = new Map(this.inputs.map((value) => [value.name, this.#fitting(value, inputs[value.name] as Tensor)]));
    const { model } = this.#program;
    const outputs = names.map((name): FileValue => ({ name, type: 0, shape: undefined }));
    const program = { ...this.#program, model: { ...model, graph: { ...model.graph, outputs } } };
    const results = interpret(this.#lift === "none" ? program : { ...program, original: this.#originalShapes(given) }, given);
    const named = names.map((name, i): [string, Tensor] => {
      const value = results[i];
      const dtype = this.outputs.find((output) => output.name === name)?.dtype;
      check(value instanceof Tensor, () => `"${excerpt(name, 60)}" is a sequence: expected a tensor`);
      return [name, dtype === undefined ? value : cast(value, dtype)];
    });
    return Object.fromEntries(named);
  }

  /** Throws unless the file's graph has a value of that name. */
  checkValue(name: string): void {
    const { inputs, constants, nodes } = this.#program.model.graph;
    const names = [...inputs.map((input) => input.name), ...constants.keys(), ...nodes.flatMap(({ outputs }) => outputs)];
    check(names.includes(name), () => {
      const near = closestName(name, names);
      return `the model has no value "${excerpt(name, 60)}"${near ? `: did you mean ${near}?` : `: expected one of ${excerpt(names.join(", "), 300)}`}`;
    });
  }

  /** The name of the value that the last product or convolution before an output multiplies by a weight: what a head is fed with. */
  lastProductInput(output: string): string {
    return fedToLastProduct(this.#program.model.graph, output);
  }

  /** The shapes of all nodes for a batch of the size that the file fixes; none where it fixes none. */
  #originalShapes(given: ReadonlyMap<string, Tensor>): ReadonlyMap<FileNode, OriginalShapes> {
    const record = new Map<FileNode, OriginalShapes>();
    const inputs = this.inputs.map(({ name, shape }): [string, Tensor] => {
      const { dtype, shape: sizes } = given.get(name) as Tensor;
      const batch = typeof shape?.[0] === "number" ? [shape[0], ...sizes.slice(1)] : sizes;
      return [name, new Tensor(dtype, batch, { kind: "input", name })];
    });
    if (inputs.some(([name, x]) => !sameShape(x.shape, (given.get(name) as Tensor).shape)))
      interpret({ ...this.#program, record }, new Map(inputs));
    return record;
  }

  #fitting({ name, dtype, shape }: OnnxValue, x: Tensor): Tensor {
    const fits = (size: number | string, axis: number) =>
      typeof size === "string" || size === x.shape[axis] || this.#lift === "all" || (this.#lift === "batch" && axis === 0);
    check(
      shape === undefined || (shape.length === x.rank && shape.every(fits)),
      () =>
        `got ${showShape(x.shape)} for the input "${excerpt(name, 60)}", expected ${showSizes(shape)}${this.#lift === "none" && shape?.length === x.rank ? ": sizes that the file fixes are free by the option lift" : ""}`,
    );
    const isSame = dtype === undefined || (isFloat(dtype) === isFloat(x.dtype) && (dtype === "bool") === (x.dtype === "bool"));
    check(isSame, () => `got ${x.dtype} for the input "${excerpt(name, 60)}", expected ${dtype}`);
    return dtype === undefined ? x : cast(x, dtype);
  }

  /** Tables of the inputs and outputs, of the variables, and of how often each operator stands in the graph. */
  override summary(): string {
    const values = (kind: string, list: readonly OnnxValue[]) =>
      list.map(({ name, dtype, shape }) => [kind, name, `${dtype ?? "any"}${showSizes(shape)}`]);
    const rows = [...values("input", this.inputs), ...values("output", this.outputs)];
    const variables = [...this.namedVariables()];
    const counts = new Map<string, number>();
    for (const { domain, type } of this.#program.model.graph.nodes) {
      const name = domain === "" ? type : `${domain}.${type}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [
      textTable(["", "name", "type"], rows, 3),
      textTable(
        ["variable", "shape", "trained"],
        variables.map(([name, { shape, trainable }]) => [name, showShape(shape), trainable ? "yes" : "no"]),
        3,
      ),
      `nodes: ${[...counts].map(([name, count]) => `${name} ${count}`).join(", ")}`,
      `${totalSize(variables.map(([, variable]) => variable)).toLocaleString("en-US")} elements, of which ${this.parameterCount().toLocaleString("en-US")} are trained`,
    ].join("\n\n");
  }
}

const showSizes = (shape: OnnxValue["shape"]): string =>
  shape === undefined ? " of any shape" : `[${shape.map((size) => (size === "" ? "?" : excerpt(String(size), 40))).join(", ")}]`;

/** Throws unless there is a tensor for each name, and none for another. */
function checkNames(inputs: Readonly<Record<string, Tensor>>, names: readonly string[]): void {
  const expected = () => `expected { ${names.map((name) => excerpt(name, 60)).join(", ")} }`;
  check(typeof inputs === "object" && inputs !== null && !(inputs instanceof Tensor), () => `got no inputs by name: ${expected()}`);
  for (const name of names) {
    const value: unknown = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    check(
      value instanceof Tensor,
      () => `the input "${excerpt(name, 60)}" is ${value === undefined ? "missing" : "no tensor"}: ${expected()}`,
    );
  }
  for (const name of Object.keys(inputs)) check(names.includes(name), () => `unknown input "${excerpt(name, 60)}": ${expected()}`);
}

/** The nodes that nothing reads. */
function missingIn({ graph, functions }: FileModel): FileNode[] {
  const isKnown = ({ domain, type }: FileNode) => readerOf(domain, type) !== undefined || functions.has(keyOf(domain, type));
  const visit = ({ nodes }: FileGraph): FileNode[] =>
    nodes.flatMap((node) => [...(isKnown(node) ? [] : [node]), ...[...node.graphs.values()].flatMap(visit)]);
  return [graph, ...[...functions.values()].map((each) => each.graph)].flatMap(visit);
}

/**
 * The model in the bytes of an `.onnx` file, as a module: it can be run, differentiated, trained further and written again ({@link onnxModel}).
 * Operators of versions 7 to 28 of the standard are read; {@link registerOnnxOperator} adds others.
 * @param options.externalData what the model keeps in files beside it, by the names that it has for them
 * @throws KasaneError where the bytes are no such model, or naming all operators that are missing
 */
export function readOnnx(
  bytes: Uint8Array,
  options: OnnxOptions & { readonly externalData?: Readonly<Record<string, Uint8Array>> } = {},
): OnnxModule {
  check(bytes instanceof Uint8Array, () => "readOnnx: expected the bytes of an .onnx file, a Uint8Array");
  const { externalData = {}, ...others } = options;
  return new OnnxModule(parseModel(bytes, "the model"), "the model", partsOf(externalData), others);
}

/** The external data that is at hand. */
const partsOf =
  (files: Readonly<Record<string, Uint8Array>>): ExternalData =>
  (location, offset, length) => {
    const data = Object.hasOwn(files, location) ? files[location] : undefined;
    check(data !== undefined, () => `the model keeps weights in "${excerpt(location, 100)}": give its bytes as externalData`);
    const end = offset + (length ?? data.length - offset);
    check(
      offset <= data.length && end <= data.length,
      () => `"${excerpt(location, 100)}" has ${data.length} bytes, but the model asks for those up to ${end}`,
    );
    return data.subarray(offset, end);
  };
