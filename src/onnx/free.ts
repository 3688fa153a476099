import { create } from "@bufbuild/protobuf";
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  type ValueInfoProto,
} from "onnx-buf";
import { check, KasaneError } from "../graph/error.js";

/** The sizes that each free dimension had in one trace of a function. */
export type Sizes = Readonly<Record<string, number>>;

/** Where a free dimension is found when the model runs: an input and one of its axes. */
export interface Origin {
  readonly input: string;
  readonly axis: number;
}

/** `factor` times the product of the dimensions named, plus `offset`. */
interface Size {
  readonly factor: number;
  readonly dimensions: readonly string[];
  readonly offset: number;
}

/**
 * Makes one model of the same function traced at several sizes: a number in which the traces differ is computed from the inputs' shapes.
 * @param models the traces, alike but for their sizes
 * @param sizes the sizes that each was traced at
 * @throws KasaneError where the traces differ in more than sizes
 */
export function withFreeDimensions(
  models: readonly ModelProto[],
  sizes: readonly Sizes[],
  origins: Readonly<Record<string, Origin>>,
): ModelProto {
  const [first] = models as [ModelProto];
  const graphs = models.map((model) => model.graph as GraphProto);
  const [graph] = graphs as [GraphProto];
  const structures = graphs.map((each) => JSON.stringify(each.node, (_, value) => (typeof value === "bigint" ? `${value}` : value)));
  const different = structures.findIndex((structure) => structure !== structures[0]);
  check(different < 0, () => `export: the graph changes with ${changed(sizes)}: ${firstDifference(graphs)}`);

  const writer = new SizeWriter(origins);
  const constants = graph.initializer.filter((tensor, i) => {
    const versions = graphs.map((each) => each.initializer[i] as TensorProto);
    if (versions.every((version) => sameBytes(version, tensor))) return true;
    writer.computed(tensor, versions.map(integersIn), sizes);
    return false;
  });
  graph.initializer = [...constants, ...writer.constants];
  graph.node = [...writer.nodes, ...graph.node];
  for (const field of ["input", "output"] as const) {
    graph[field].forEach((value, i) =>
      nameDimensions(
        value,
        graphs.map((each) => each[field][i] as ValueInfoProto),
        sizes,
      ),
    );
  }
  return first;
}

/** Writes the nodes that compute sizes when the model runs. */
class SizeWriter {
  readonly nodes: NodeProto[] = [];
  readonly constants: TensorProto[] = [];
  private readonly known = new Map<string, string>();

  constructor(private readonly origins: Readonly<Record<string, Origin>>) {}

  /** A constant whose elements are sizes, under the name that it had. */
  computed(tensor: TensorProto, versions: readonly (readonly number[] | undefined)[], sizes: readonly Sizes[]): void {
    const lists = versions.filter((version) => version !== undefined);
    check(lists.length === versions.length && new Set(lists.map((list) => list.length)).size === 1, () => notASize(sizes));
    const parts = (lists[0] as readonly number[]).map((_, i) =>
      this.size(
        formulaOf(
          lists.map((list) => list[i] as number),
          sizes,
        ),
      ),
    );
    const list = parts.length === 1 ? (parts[0] as string) : this.node("Concat", parts, { axis: 0n });
    const scalar = tensor.dims.length === 0 ? this.node("Squeeze", [list], {}) : list;
    this.nodes.push(
      create(NodeProtoSchema, {
        opType: "Cast",
        input: [scalar],
        output: [tensor.name],
        attribute: [{ name: "to", type: 2, i: BigInt(tensor.dataType) }],
      }),
    );
  }

  private size({ factor, dimensions, offset }: Size): string {
    let value: string | undefined;
    for (const dimension of dimensions) {
      const next = this.dimension(dimension);
      value = value ? this.node("Mul", [value, next], {}) : next;
    }
    if (value === undefined) return this.constant(offset);
    if (factor !== 1) value = this.node("Mul", [value, this.constant(factor)], {});
    return offset === 0 ? value : this.node("Add", [value, this.constant(offset)], {});
  }

  private dimension(name: string): string {
    const known = this.known.get(name);
    if (known) return known;
    const { input, axis } = this.origins[name] as Origin;
    const result = this.node("Shape", [input], { start: BigInt(axis), end: BigInt(axis + 1) });
    this.known.set(name, result);
    return result;
  }

  private constant(value: number): string {
    const name = `size:constant:${value}`;
    if (!this.known.has(name)) {
      const rawData = new Uint8Array(BigInt64Array.of(BigInt(value)).buffer);
      this.constants.push(create(TensorProtoSchema, { name, dataType: DataType.INT64, dims: [1n], rawData }));
      this.known.set(name, name);
    }
    return name;
  }

  private node(opType: string, input: string[], integers: Record<string, bigint>): string {
    const output = `size:${this.nodes.length}`;
    const attribute = Object.entries(integers).map(([name, i]) => ({ name, type: 2, i }));
    this.nodes.push(create(NodeProtoSchema, { opType, input, output: [output], attribute }));
    return output;
  }
}

/** The formula that gives each of `values` at its sizes. */
function formulaOf(values: readonly number[], sizes: readonly Sizes[]): Size {
  const [value, second] = values as [number, number];
  if (values.every((other) => other === value)) return { factor: 0, dimensions: [], offset: value };
  for (const dimensions of subsets(Object.keys(sizes[0] as Sizes))) {
    const products = sizes.map((at) => dimensions.reduce((product, name) => product * (at[name] as number), 1));
    const [p, q] = products as [number, number];
    const factor = (second - value) / (q - p);
    const offset = value - factor * p;
    if (Number.isInteger(factor) && values.every((other, i) => other === factor * (products[i] as number) + offset))
      return { factor, dimensions, offset };
  }
  throw new KasaneError(notASize(sizes));
}

/** All choices of one or more of `names`, the small ones first. */
function subsets(names: readonly string[]): string[][] {
  const all: string[][] = [[]];
  for (const name of names) all.push(...all.map((set) => [...set, name]));
  return all.slice(1).sort((a, b) => a.length - b.length);
}

function nameDimensions(value: ValueInfoProto, versions: readonly ValueInfoProto[], sizes: readonly Sizes[]): void {
  const all = versions.map(dimensionsOf);
  dimensionsOf(value).forEach((dimension, axis) => {
    const held = all.map((dims) => Number(dims[axis]?.value.value));
    const { factor, dimensions, offset } = formulaOf(held, sizes);
    if (dimensions.length === 0) return;
    const product = [...(factor === 1 ? [] : [factor]), ...dimensions].join("*");
    dimension.value = { case: "dimParam", value: offset === 0 ? product : `${product}${offset > 0 ? "+" : ""}${offset}` };
  });
}

const dimensionsOf = (value: ValueInfoProto): TensorShapeProto_Dimension[] =>
  value.type?.value.case === "tensorType" ? (value.type.value.value.shape?.dim ?? []) : [create(TensorShapeProto_DimensionSchema)];

const sameBytes = (a: TensorProto, b: TensorProto): boolean =>
  a.name === b.name && a.rawData.length === b.rawData.length && a.rawData.every((byte, i) => byte === b.rawData[i]);

/** The elements of a constant that may be sizes: those of integers, and of floats where all are integers. */
function integersIn({ dataType, rawData }: TensorProto): readonly number[] | undefined {
  const bytes = rawData.slice().buffer;
  if (dataType === DataType.INT64) return Array.from(new BigInt64Array(bytes), Number);
  if (dataType === DataType.INT32) return Array.from(new Int32Array(bytes));
  const numbers = dataType === DataType.FLOAT ? Array.from(new Float32Array(bytes)) : undefined;
  return numbers?.every(Number.isInteger) ? numbers : undefined;
}

const changed = (sizes: readonly Sizes[]): string =>
  Object.keys(sizes[0] as Sizes)
    .map((name) => `"${name}"`)
    .join(", ");

const notASize = (sizes: readonly Sizes[]): string =>
  `export: a constant depends on ${changed(sizes)} otherwise than as a multiple plus an offset: give the dimension a fixed size`;

function firstDifference(graphs: readonly GraphProto[]): string {
  const [a, b] = graphs as [GraphProto, GraphProto];
  const place = a.node.findIndex((node, i) => node.opType !== b.node[i]?.opType);
  return place < 0
    ? "an attribute differs"
    : `node ${place} is ${a.node[place]?.opType} at one size, ${b.node[place]?.opType ?? "missing"} at another`;
}
