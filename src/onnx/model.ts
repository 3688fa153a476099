import { toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import type { DType, TypedArray } from "../graph/dtype.js";
import { check, KasaneError } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Named } from "../graph/tensor.js";
import { Tensor, totalSize } from "../graph/tensor.js";
import { trace } from "../graph/trace.js";
import { reading, type Variable, variableOf } from "../graph/variable.js";
import { leavesOf, substitute, topologicalOrder } from "../graph/walk.js";
import { prepare } from "../passes/index.js";
import { targetOf } from "../targets/targets.js";
import { emitModel, unusedName } from "./emit.js";
import { type Origin, type Sizes, withFreeDimensions } from "./free.js";

/** An input of an exported model; a size given by name is free: any size will do when the model runs. */
export interface InputSpecification {
  readonly shape: readonly (number | string)[];
  readonly dtype?: DType;
}

/** Settings of {@link onnxModel}. */
export interface ExportOptions {
  /** The largest size that a free dimension can have, by its name: 512 where a model knows so many positions. The function is traced below it. */
  readonly limits?: Readonly<Record<string, number>>;
}

/** A function of tensors, or a module. */
export type Exportable = ((...inputs: never[]) => unknown) | { forward(...inputs: never[]): unknown };

const portable = targetOf("portable");

/**
 * Each free dimension is traced at three odd sizes and an even one, which no layer has by accident: two give the formula of a size, the others check it.
 * Padding, for one, may differ with the remainder by a stride.
 */
const [odd, even] = [3, 1];
const rounds = odd + even;
const probes = {
  odd: [997, 1511, 2069, 1013, 1621, 2237, 1031, 1483, 2411, 1049, 1753, 2081, 1061, 1847, 2129],
  even: [1006, 1514, 2062, 1018, 1622],
};

/** The sizes that each free dimension is traced at, those of a dimension with a limit the greatest primes and the greatest even number below it. */
function probesOf(free: readonly string[], limits: Readonly<Record<string, number>>): number[][] {
  const unknown = Object.keys(limits).find((name) => !free.includes(name));
  check(
    unknown === undefined,
    () => `export: limits names "${unknown}": expected one of ${free.join(", ") || "no name, as no size is free"}`,
  );
  const taken = new Set<number>();
  return free.map((name) => {
    const limit = limits[name];
    const { odd: odds, even: evens } = limit === undefined ? probes : probesTo(limit);
    const first = (candidates: readonly number[], count: number) => candidates.filter((size) => !taken.has(size)).slice(0, count);
    const primes = first(odds, odd);
    const sizes = [...primes, ...first(evens, rounds - primes.length)];
    check(sizes.length === rounds, () =>
      limit === undefined
        ? `export: too many free dimensions: ${free.join(", ")}`
        : `export: the limit ${limit} of "${name}" is too small: expected 6 or more`,
    );
    for (const size of sizes) taken.add(size);
    return sizes;
  });
}

/** The odd primes and the even numbers below a limit, at which a part may be the whole, and no greater than the first probe, in descending order. */
function probesTo(limit: number): typeof probes {
  const most = Math.min(limit - 1, probes.odd[0] as number);
  const numbers = Array.from({ length: Math.max(0, most - 1) }, (_, i) => most - i);
  const isPrime = (n: number) => numbers.every((divisor) => divisor === n || n % divisor !== 0);
  return { odd: numbers.filter((n) => n % 2 === 1 && isPrime(n)), even: numbers.filter((n) => n % 2 === 0) };
}

/**
 * An ONNX model of what `target` computes when it is not training, with the variables' present values in it.
 * @param inputs the inputs in the order of the parameters, by the names that the model shall give them
 * @returns the bytes of an `.onnx` file; its outputs have the names of the result's fields, or `output`
 * @throws KasaneError where the graph depends on a free dimension otherwise than in its sizes
 */
export async function onnxModel(
  target: Exportable,
  inputs: Readonly<Record<string, InputSpecification>>,
  options: ExportOptions = {},
): Promise<Uint8Array> {
  checkOptions("export", options, { limits: "optional" });
  for (const [name, specification] of Object.entries(inputs)) {
    checkOptions<InputSpecification>(`export: the input ${name}`, specification, { shape: "required", dtype: "optional" });
    const isSize = (size: unknown) => (typeof size === "string" ? size !== "" : Number.isInteger(size) && (size as number) >= 0);
    check(
      Array.isArray(specification.shape) && specification.shape.every(isSize),
      () =>
        `export: the input ${name} has the shape ${JSON.stringify(specification.shape)}, expected sizes from 0, and a name such as "batch" for one that is free`,
    );
  }
  const forward = (typeof target === "function" ? target : target.forward.bind(target)) as (...values: Tensor[]) => unknown;
  const origins = originsOf(inputs);
  const free = Object.keys(origins);
  const probed = probesOf(free, options.limits ?? {});
  const sizes = Array.from(
    { length: free.length === 0 ? 1 : rounds },
    (_, round): Sizes => Object.fromEntries(free.map((name, i) => [name, (probed[i] as number[])[round] as number])),
  );
  const models: ModelProto[] = [];
  for (const at of sizes) models.push(await traced(forward, inputs, at));
  return toBinary(ModelProtoSchema, free.length === 0 ? (models[0] as ModelProto) : withFreeDimensions(models, sizes, origins));
}

function originsOf(inputs: Readonly<Record<string, InputSpecification>>): Record<string, Origin> {
  const origins: Record<string, Origin> = {};
  for (const [input, { shape }] of Object.entries(inputs)) {
    shape.forEach((size, axis) => {
      if (typeof size === "string") origins[size] ??= { input, axis };
    });
  }
  return origins;
}

async function traced(
  forward: (...values: Tensor[]) => unknown,
  inputs: Readonly<Record<string, InputSpecification>>,
  at: Sizes,
): Promise<ModelProto> {
  const leaves: Named[] = Object.entries(inputs).map(([name, { shape, dtype = "float32" }]) => {
    const sizes = shape.map((size) => (typeof size === "string" ? (at[size] as number) : size));
    return { name, tensor: new Tensor(dtype, sizes, { kind: "input", name }) };
  });
  const run = () => namedOutputs(forward(...leaves.map((leaf) => leaf.tensor)), inputs);
  // Variables that are given out are read when the function ends.
  const { result: outputs } = trace(false, () => run().map(({ name, tensor }) => ({ name, tensor: reading(tensor) })));
  const prepared = prepare(
    outputs.map((output) => output.tensor),
    portable,
  );
  const taken = new Set([...leaves, ...outputs].map(({ name }) => name));
  const weights = new Map<string, TypedArray>();
  const keep = async (leaf: Tensor, value: Tensor, { name: wanted }: Variable) => {
    const name = unusedName(wanted, taken);
    leaves.push({ name, tensor: leaf });
    weights.set(name, await value.data());
  };
  const computed = computedWeights(prepared, new Set(Object.values(at)));
  for (const [value, { leaf, variable }] of computed) await keep(leaf, value, variable);
  const values = substitute(prepared, new Map([...computed].map(([value, { leaf }]) => [value, leaf])));
  for (const leaf of leavesOf(values)) {
    const variable = variableOf(leaf);
    if (variable) await keep(leaf, leaf, variable);
  }
  return emitModel(
    leaves,
    outputs.map(({ name }, i) => ({ name, tensor: values[i] as Tensor })),
    weights,
  );
}

/**
 * What follows from variables alone, and has no more elements than these: a model holds its values in their place. Each with the leaf that stands for
 * it, and the largest of its variables.
 * @param free sizes that differ from call to call: what has one of them is computed when the model runs
 */
function computedWeights(outputs: readonly Tensor[], free: ReadonlySet<number>): Map<Tensor, { leaf: Tensor; variable: Variable }> {
  const found = new Map<Tensor, { leaf: Tensor; variable: Variable }>();
  const origins = new Map<Tensor, ReadonlySet<Variable>>();
  const originsOf = (x: Tensor): ReadonlySet<Variable> | undefined => {
    const variable = variableOf(x);
    return variable ? new Set([variable]) : x.source.kind === "data" ? new Set() : origins.get(x);
  };
  const end = (x: Tensor) => {
    const variables = [...(origins.get(x) ?? [])].sort((a, b) => b.size - a.size);
    const [variable] = variables;
    if (!variable || found.has(x) || x.size > totalSize(variables)) return;
    found.set(x, { leaf: new Tensor(x.dtype, x.shape, { kind: "input", name: variable.name }), variable });
  };
  for (const node of topologicalOrder(outputs)) {
    const from = node.inputs.map(originsOf);
    const isFixed = node.outputs.every(({ shape }) => !shape.some((size) => free.has(size)));
    if (isFixed && from.every((variables) => variables !== undefined)) {
      const all = new Set(from.flatMap((variables) => [...variables]));
      for (const output of node.outputs) origins.set(output, all);
    } else node.inputs.forEach(end);
  }
  outputs.forEach(end);
  return found;
}

function namedOutputs(result: unknown, inputs: Readonly<Record<string, unknown>>): Named[] {
  const fields = result instanceof Tensor ? { output: result } : (result ?? {});
  const outputs = Object.entries(fields as object).map(([key, tensor]) => ({
    name: Array.isArray(result) ? `output${key}` : key,
    tensor,
  }));
  if (outputs.length === 0 || outputs.some(({ tensor }) => !(tensor instanceof Tensor))) {
    throw new KasaneError("export: the function must return a tensor, or an array or a plain object of tensors");
  }
  const twice = outputs.find(({ name }) => Object.hasOwn(inputs, name));
  check(twice === undefined, () => `export: "${twice?.name}" is an input and an output: give the output another name`);
  return outputs;
}
