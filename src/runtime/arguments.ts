import type { TypedArray } from "../graph/dtype.js";
import { check, KasaneError } from "../graph/error.js";
import { sameShape } from "../graph/shape.js";
import { hostData, Tensor } from "../graph/tensor.js";
import { type NestedArray, tensor } from "../ops/constants.js";
import { mapData } from "./plainData.js";

type Scalar = number | bigint | boolean;

/** In place of the type of an argument that a compiled function cannot take. */
interface Refused<Remedy extends string> {
  readonly refused: Remedy;
}

/**
 * What a compiled function takes where the traced function has a parameter of type `T`. A tensor may also be given as a typed array or as nested
 * arrays of numbers. A plain number, string or boolean is a setting: the traced function gets it as it is, and each value is traced by itself.
 */
export type Feed<T> = T extends Tensor
  ? Tensor | TypedArray | readonly NestedArray[]
  : T extends ArrayBufferView | readonly Scalar[]
    ? T extends readonly []
      ? T
      : Refused<"arrays of numbers become tensors: declare the parameter as Tensor">
    : T extends (...values: never[]) => unknown
      ? Refused<"functions are no arguments: compile one function for each">
      : T extends object
        ? { [Key in keyof T]: Feed<T[Key]> }
        : T;

/** The arguments of one call, made ready. */
export interface Arguments {
  /** The arguments with the symbol of an input in place of each tensor. */
  readonly pattern: readonly unknown[];
  /** What the inputs hold. */
  readonly tensors: readonly Tensor[];
  /** Equal for calls that one trace serves, and for these alone. */
  readonly signature: string;
  /** The plain numbers among the arguments: where they stand in the signature, and what an error calls them. */
  readonly numbers: readonly { readonly start: number; readonly end: number; readonly name: string }[];
}

/**
 * Reads the arguments of a call: tensors, typed arrays and nested arrays of numbers are inputs, all else belongs to the signature.
 * @throws KasaneError naming an argument that is neither, such as a function or a Date
 */
export function readArguments(values: readonly unknown[]): Arguments {
  const tensors: Tensor[] = [];
  const numbers: Arguments["numbers"][number][] = [];
  let signature = "";
  const pattern = values.map((value, i) => {
    const name = values.length === 1 ? "the argument" : `argument ${i + 1}`;
    const prefix = values.length === 1 ? "" : `${i}`;
    signature += ";";
    return mapData(value, {
      name,
      tensor: (value, place) => {
        const leaf = asTensor(value, place);
        if (!leaf) return undefined;
        const { dtype, shape } = leaf;
        signature += `${dtype}[${shape}]`;
        tensors.push(leaf);
        return new Tensor(dtype, shape, { kind: "input", name: [prefix, place.path].filter(Boolean).join(".") || "input" });
      },
      value: (value, place) => {
        const start = signature.length;
        signature += textOf(value);
        if (typeof value === "number") numbers.push({ start, end: signature.length, name: place.name });
      },
      mark: (text) => {
        signature += text;
      },
    });
  });
  return { pattern, tensors, signature, numbers };
}

/** A setting as text that no other has. */
const textOf = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  return Object.is(value, -0) ? "-0" : `${value}`;
};

/** The tensor that a typed array or an array of numbers stands for; undefined for other values. */
function asTensor(value: object, place: { readonly name: string }): Tensor | undefined {
  if (value instanceof Tensor) return value;
  if (!ArrayBuffer.isView(value) && !(Array.isArray(value) && beginsWithNumber(value))) return undefined;
  try {
    return tensor(value as TypedArray | NestedArray[]);
  } catch (error) {
    if (!(error instanceof KasaneError)) throw error;
    throw new KasaneError(`compile: ${place.name}: ${error.message}`, { cause: error });
  }
}

const isScalar = (value: unknown): boolean => typeof value === "number" || typeof value === "boolean" || typeof value === "bigint";

/** Whether an array's first element, in the innermost first array, is a number: then all must be. */
const beginsWithNumber = ([first]: readonly unknown[]): boolean => (Array.isArray(first) ? beginsWithNumber(first) : isScalar(first));

type Fields = Readonly<Record<string, unknown>>;

/**
 * Whether `value` is what `pattern` was made of, by tensors of the same types and shapes with their elements at hand, which go into `feeds`.
 * Quick: it may say no where {@link readArguments} finds the same signature, but never yes where that finds another.
 */
export function matches(pattern: unknown, value: unknown, feeds: TypedArray[]): boolean {
  if (pattern instanceof Tensor) {
    const leaf = value instanceof Tensor ? value : value instanceof Float32Array ? tensor(value as TypedArray) : undefined;
    const data = leaf?.dtype === pattern.dtype && sameShape(leaf.shape, pattern.shape) ? hostData(leaf) : undefined;
    if (data) feeds.push(data);
    return data !== undefined;
  }
  if (pattern === null || typeof pattern !== "object") return Object.is(pattern, value);
  if (value === null || typeof value !== "object") return false;
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value) || value.length !== pattern.length) return false;
    for (let i = 0; i < pattern.length; i++) if (!matches(pattern[i], value[i], feeds)) return false;
    return true;
  }
  const keys = Object.keys(pattern);
  const isAlike = Object.getPrototypeOf(value) === Object.getPrototypeOf(pattern) && Reflect.ownKeys(value).length === keys.length;
  if (!isAlike) return false;
  for (const key of keys) if (!Object.hasOwn(value, key) || !matches((pattern as Fields)[key], (value as Fields)[key], feeds)) return false;
  return true;
}

/** So many signatures of one function may differ in one number alone. */
const mostNumbers = 64;

/** Counts the signatures that differ in one number alone: a number that changes with each call would be traced each time. */
export class NumberLimit {
  private readonly counts = new Map<string, number>();

  /** @throws KasaneError naming the number, where too many are alike but for it */
  add({ signature, numbers }: Arguments): void {
    for (const { start, end, name } of numbers) {
      const rest = `${start}:${signature.slice(0, start)}#${signature.slice(end)}`;
      const count = (this.counts.get(rest) ?? 0) + 1;
      check(
        count <= mostNumbers,
        () =>
          `compile: ${name} was ${mostNumbers} different numbers and is now ${signature.slice(start, end)}: a number is a setting, and each ` +
          "is traced and compiled by itself: pass tensor(...) of it",
      );
      this.counts.set(rest, count);
    }
  }
}
