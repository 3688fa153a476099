import { type AttributeProto, AttributeProto_AttributeType as AttributeType } from "onnx-buf";
import { type DType, elementAt } from "../graph/dtype.js";
import { check, excerpt, KasaneError } from "../graph/error.js";
import { type Shape, sameShape } from "../graph/shape.js";
import { Tensor } from "../graph/tensor.js";
import { div } from "../ops/arithmetic.js";
import { hostValue } from "../ops/hostValue.js";
import type { OnnxNode } from "../ops/operator.js";
import { type FileNode, type FileValue, keyOf } from "./fileGraph.js";
import type { Value } from "./registry.js";
import type { QuantizedFactor } from "./weights.js";

/** A graph within a node, such as a branch or the body of a loop. */
export interface InnerGraph {
  readonly inputs: readonly FileValue[];
  /** Its outputs, of values for its inputs. */
  run(inputs: readonly Value[]): readonly Value[];
}

/** The shapes of a node's first input and of its first output. */
export interface OriginalShapes {
  readonly input: Shape;
  readonly output: Shape;
}

/** What surrounds a node as it is read. */
export interface Surroundings {
  readonly float: DType;
  readonly version: number;
  readonly rounds: boolean;
  /** The node's quantised factor, where the file has it. */
  readonly weight: QuantizedFactor | undefined;
  readonly isLifted: boolean;
  /** The shapes of the node's first input and output where all sizes are those of the file, if they are lifted. */
  readonly original: OriginalShapes | undefined;
  /** The type's number in onnx.proto of a tensor that stands in the file. */
  storedType(tensor: Tensor): number | undefined;
  /** A graph among the node's attributes. */
  inner(name: string): InnerGraph | undefined;
  /** A tensor among the node's attributes. */
  constant(attribute: AttributeProto): Tensor;
}

/** A node of a file and the values of its inputs. */
export class ReadNode implements OnnxNode {
  readonly type: string;
  readonly domain: string;
  readonly outputs: number;
  readonly inputs: number;
  readonly version: number;
  readonly float: DType;
  /** Whether quantised values are rounded. */
  readonly rounds: boolean;
  readonly isLifted: boolean;

  constructor(
    node: FileNode,
    private readonly values: readonly (Value | undefined)[],
    private readonly attributes: ReadonlyMap<string, AttributeProto>,
    private readonly around: Surroundings,
  ) {
    this.type = node.type;
    this.domain = node.domain;
    this.outputs = node.outputs.length;
    this.inputs = values.length;
    this.version = around.version;
    this.float = around.float;
    this.rounds = around.rounds;
    this.isLifted = around.isLifted;
  }

  /** Throws, naming the operator, unless `condition` holds. */
  check(condition: boolean, message: () => string): asserts condition {
    check(condition, () => `${this.type}: ${message()}`);
  }

  /** The input at a place; an error where it is left out. */
  input(index: number): Tensor {
    const found = this.optional(index);
    if (found) return found;
    throw new KasaneError(`${this.type}: input ${index} is missing: it has ${this.inputs}`);
  }

  /** The input at a place; undefined where it is left out. */
  optional(index: number): Tensor | undefined {
    const value = this.values[index];
    this.check(value === undefined || value instanceof Tensor, () => `input ${index} is a sequence: expected a tensor`);
    return value;
  }

  /** The type's number in onnx.proto of an input that stands in the file: several types are held in one dtype here. */
  storedType(index: number): number | undefined {
    return this.around.storedType(this.input(index));
  }

  /** The tensors of an input that is a sequence. */
  sequence(index: number): readonly Tensor[] {
    const value = this.values[index];
    this.check(value !== undefined && !(value instanceof Tensor), () => `input ${index} is a tensor: expected a sequence of tensors`);
    return value;
  }

  /** Any input, from `start` on. */
  any(start = 0): readonly (Value | undefined)[] {
    return this.values.slice(start);
  }

  /** The inputs from `start` on. */
  rest(start = 0): Tensor[] {
    const list = this.values.slice(start).map((_, i) => this.input(start + i));
    this.check(list.length > 0, () => `it has ${this.inputs} inputs: expected more`);
    return list;
  }

  /** The elements of an input where they are known as the graph is made, else undefined. */
  whereKnown(index: number): readonly number[] | undefined {
    return this.valueOf(index, false);
  }

  /** The elements of an input that must be known as the graph is made, such as a shape; undefined where the input is left out. */
  known(index: number): readonly number[] | undefined {
    if (!this.optional(index)) return undefined;
    const found = this.valueOf(index, true);
    this.check(
      found !== undefined,
      () => `input ${index} (${this.optional(index)}) follows from the model's inputs: expected one that their shapes decide`,
    );
    return found;
  }

  private valueOf(index: number, initial: boolean): readonly number[] | undefined {
    const tensor = this.optional(index);
    const data = tensor && hostValue(tensor, { initial });
    return data && Array.from({ length: data.length }, (_, i) => Number(elementAt(data, i, (tensor as Tensor).dtype)));
  }

  /** A list of integers that older versions have as an attribute and newer ones as an input. */
  integersOf(name: string, index: number): readonly number[] | undefined {
    return this.integers(name) ?? this.known(index);
  }

  /** Whether an attribute is given. */
  has(name: string): boolean {
    return this.attributes.has(name);
  }

  /** An attribute, which must be of a type where it names one, as files of old did not. */
  private attribute(name: string, type: AttributeType): AttributeProto | undefined {
    const found = this.attributes.get(name);
    const isRight = !found || found.type === type || found.type === AttributeType.UNDEFINED;
    this.check(isRight, () => `the attribute ${name} is of the type ${AttributeType[found?.type ?? 0]}: expected ${AttributeType[type]}`);
    return found;
  }

  /** An integer among the attributes, or what it is by default. */
  integer(name: string, otherwise: number): number {
    const found = this.attribute(name, AttributeType.INT);
    return found ? Number(found.i) : otherwise;
  }

  /** A list of integers among the attributes. */
  integers(name: string): readonly number[] | undefined {
    return this.attribute(name, AttributeType.INTS)?.ints.map(Number);
  }

  /** A floating-point number among the attributes, or what it is by default. */
  number(name: string, otherwise: number): number {
    return this.attribute(name, AttributeType.FLOAT)?.f ?? otherwise;
  }

  /** A list of floating-point numbers among the attributes. */
  numbers(name: string): readonly number[] | undefined {
    return this.attribute(name, AttributeType.FLOATS)?.floats;
  }

  /** A text among the attributes, or what it is by default. */
  text(name: string, otherwise: string): string {
    const found = this.attribute(name, AttributeType.STRING);
    return found ? textOf(found.s) : otherwise;
  }

  /** A list of texts among the attributes. */
  texts(name: string): readonly string[] | undefined {
    return this.attribute(name, AttributeType.STRINGS)?.strings.map(textOf);
  }

  /**
   * The shape that the file gives the elements of `x`. Where its first axis has so many times the file's size, the result's has too: a batch comes
   * first, and its examples stand one after the other.
   */
  liftedShape(x: Tensor, shape: Shape): Shape {
    const { input, output } = this.around.original ?? {};
    const [size, ...others] = input ?? [];
    const times = size ? (x.shape[0] ?? 0) / size : 1;
    if (!output || times === 1 || !Number.isInteger(times) || !sameShape(others, x.shape.slice(1)) || output.length === 0) return shape;
    return [times * (output[0] as number), ...output.slice(1)];
  }

  /** A tensor among the attributes. */
  constant(name: string): Tensor | undefined {
    const found = this.attributes.get(name);
    return found?.t && this.around.constant(found);
  }

  /** A graph among the attributes. */
  graph(name: string): InnerGraph {
    const found = this.around.inner(name);
    this.check(found !== undefined, () => `the graph ${name} is missing`);
    return found;
  }

  /** The node's quantised factor as floating-point numbers, a variable where the file has it; undefined where it is computed. */
  weight(): Tensor | undefined {
    const { variable, unit } = this.around.weight ?? {};
    return variable && unit ? div(variable, unit) : variable;
  }

  /** The key of its operator. */
  get key(): string {
    return keyOf(this.domain, this.type);
  }
}

const decoder = new TextDecoder();

const textOf = (bytes: Uint8Array): string => excerpt(decoder.decode(bytes), 200);
