import { arrayOf, checkDtype, type DType, type TypedArray } from "./dtype.js";
import { check } from "./error.js";
import { checkShape, type Shape, showShape, sizeOf } from "./shape.js";
import { showElements } from "./showElements.js";
import { modulePath } from "./trace.js";

/** What is known of a tensor before it is computed. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A tensor's numbers outside any graph, as files keep them: row-major. */
export interface StoredTensor extends TensorType {
  readonly data: TypedArray;
}

/** Where a leaf's numbers are: in host memory, or on a device until they are read. */
export interface Storage {
  /** The elements, where they are in host memory. Never written to once a tensor has them. */
  readonly host?: TypedArray;
  /** The elements, fetched from the device where need be. */
  read(): TypedArray | Promise<TypedArray>;
}

/** The settings of an operator: ONNX attributes (integers; floats wrapped by {@link float}), or what its lowering needs. */
export type Attributes = Readonly<Record<string, unknown>>;

/** Attributes as text that tells them apart: JSON, with the infinities, NaN and -0 that it has no numbers for, and functions by their identity. */
export const keyOfAttributes = (attributes: Attributes): string =>
  Object.keys(attributes).length === 0
    ? ""
    : JSON.stringify(attributes, (_, value) =>
        typeof value === "function" ? keyOfFunction(value) : isJsonNumber(value) ? value : keyOfNumber(value),
      );

const functionKeys = new WeakMap<object, string>();
let functionCount = 0;

function keyOfFunction(value: object): string {
  const key = functionKeys.get(value) ?? `function ${functionCount++}`;
  functionKeys.set(value, key);
  return key;
}

const isJsonNumber = (value: unknown): boolean => typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0));

const keyOfNumber = (value: number | bigint): string => (Object.is(value, -0) ? "-0" : `${value}`);

/** Elements as text that tells them apart: 0 from -0 too. */
export const keyOfElements = (data: TypedArray): string => Array.from<number | bigint, string>(data, keyOfNumber).join();

/** A number that ONNX stores as a float attribute even where it is an integer. */
export interface FloatAttribute {
  readonly float: number;
}

/** Marks `value` as a float attribute. */
export function float(value: number): FloatAttribute {
  check(typeof value === "number", () => `got ${JSON.stringify(value)}, expected a number`);
  return { float: value };
}

/** An application of an operator. The operators themselves are declared in the room `ops`. */
export interface Node {
  readonly kind: "node";
  /** Ascending in the order of creation, so inputs always come before what uses them. */
  readonly id: number;
  readonly operator: { readonly type: string };
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  readonly outputs: readonly Tensor[];
  /** The modules being run when the node was made, such as `Mlp.layers.1`; empty outside any. */
  readonly path: string;
}

/** What makes a tensor's value: an operator, or one of the leaves. */
export type Source =
  | Node
  /** Its id tells what was made before, as a node's does. */
  | { readonly kind: "data"; readonly id: number; readonly storage: Storage }
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "variable" }
  | RandomSource;

/** Random numbers: the same for the same key, or fresh ones each run where the key is a traced function's `stream`. */
export interface RandomSource {
  readonly kind: "random";
  /** How they are distributed; by default uniformly in [0, 1). */
  readonly bernoulli?: Bernoulli;
  readonly key: readonly [seed: number, counter: number] | undefined;
  readonly stream: number;
  /** Whether the slices along the first axis are the draws of so many runs. */
  readonly runs?: boolean;
}

/** `value` with the given probability, else 0. */
export interface Bernoulli {
  readonly probability: number;
  readonly value: number;
}

let nodes = 0;

/**
 * An immutable value in a graph of values: made from data, or by an operator from other tensors.
 * Making one runs nothing; `await tensor.data()` computes it.
 */
export class Tensor implements TensorType {
  constructor(
    readonly dtype: DType,
    readonly shape: Shape,
    readonly source: Source,
    /** Which of its node's outputs this is. */
    readonly index = 0,
  ) {
    checkDtype(dtype);
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** `float32[128, 10] from MatMul`. */
  toString(): string {
    const from = this.source.kind === "node" ? this.source.operator.type : this.source.kind;
    return `${this.dtype}${showShape(this.shape)} from ${from}`;
  }

  /** Template strings and `String(tensor)` give {@link toString}; arithmetic and comparisons, which would give a meaningless number, throw. */
  [Symbol.toPrimitive](hint: string): string {
    check(
      hint === "string",
      () => `${this} is used as a number or compared: write x.add(y), x.greater(y) for tensors, and await x.item() for a JavaScript number`,
    );
    return this.toString();
  }

  /** What Node's console.log prints: the type, and the elements where they are at hand. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const data = valueAtHand(this);
    return data ? `${this.dtype}${showShape(this.shape)} ${showElements(data, this)}` : this.toString();
  }
}

/** The number of elements of all tensors together. */
export function totalSize(tensors: Iterable<{ readonly size: number }>): number {
  let total = 0;
  for (const { size } of tensors) total += size;
  return total;
}

/** The bytes of the elements of all tensors together. */
export function totalBytes(tensors: Iterable<Pick<Tensor, "dtype" | "size">>): number {
  let total = 0;
  for (const { dtype, size } of tensors) total += size * arrayOf(dtype).BYTES_PER_ELEMENT;
  return total;
}

/** A tensor and the name that a model has for it: a leaf that it takes as an input, or a value that it gives. */
export interface Named {
  readonly name: string;
  readonly tensor: Tensor;
}

/** The tensors that an operator of known output types makes from `inputs`. */
export function makeNode(
  operator: { readonly type: string },
  inputs: readonly Tensor[],
  attributes: Attributes,
  types: readonly TensorType[],
  path = modulePath(),
): readonly Tensor[] {
  const outputs: Tensor[] = [];
  const node: Node = { kind: "node", id: nodes++, operator, inputs, attributes, outputs, path };
  types.forEach(({ dtype, shape }, index) => outputs.push(new Tensor(dtype, shape, node, index)));
  return outputs;
}

/** The id that the next node will have: nodes of a lower one were made before. */
export const nextNodeId = (): number => nodes;

/** A storage in host memory. */
export class HostStorage implements Storage {
  constructor(readonly host: TypedArray) {}

  read(): TypedArray {
    return this.host;
  }
}

/** A leaf whose elements are where `storage` has them. */
export const fromStorage = (storage: Storage, shape: Shape, dtype: DType): Tensor =>
  new Tensor(dtype, shape, { kind: "data", id: nodes++, storage });

/** A leaf that holds `data` (row-major, not copied). */
export function fromData(data: TypedArray, shape: Shape, dtype: DType): Tensor {
  checkShape("tensor", shape);
  check(data instanceof arrayOf(dtype), () => `tensor: ${dtype} is held in a ${arrayOf(dtype).name}, got a ${data.constructor.name}`);
  check(
    data.length === sizeOf(shape),
    () => `tensor: ${data.length} elements do not fill shape ${showShape(shape)}, which has ${sizeOf(shape)}`,
  );
  return fromStorage(new HostStorage(data), shape, dtype);
}

/** The computed values of tensors, where they were computed once: the runtime keeps them here. */
export const computedValues = new WeakMap<Tensor, Tensor>();

const valueAtHand = (tensor: Tensor): TypedArray | undefined => hostData(tensor) ?? hostData(computedValues.get(tensor) ?? tensor);

/** The elements of a leaf that holds data in host memory, else undefined. */
export const hostData = (tensor: Tensor): TypedArray | undefined =>
  tensor.source.kind === "data" ? tensor.source.storage.host : undefined;
