import type { TypedArray } from "../graph/dtype.js";
import { KasaneError } from "../graph/error.js";
import { sameShape } from "../graph/shape.js";
import { hostData, Tensor } from "../graph/tensor.js";
import { type NestedArray, tensor } from "../ops/constants.js";

/** Tensors in nested records and lists, beside other values that pass through. */
export type Tree = unknown;

/** What may be handed in where a traced function takes a tensor. */
export type Feed<T> = T extends Tensor ? Tensor | TypedArray | NestedArray : T extends object ? { [Key in keyof T]: Feed<T[Key]> } : T;

/**
 * Replaces every tensor of `tree` (and every array of numbers, as a tensor) by what `replace` makes of it.
 * @param replace gets the path of fields, such as `batch.tokens`
 */
export function mapTree(tree: Tree, replace: (value: Tensor, path: string) => unknown, path = ""): Tree {
  if (tree instanceof Tensor) return replace(tree, path);
  if (typeof tree === "number" || ArrayBuffer.isView(tree) || isNumbers(tree)) return replace(tensor(tree as NestedArray), path);
  if (Array.isArray(tree)) return tree.map((item, i) => mapTree(item, replace, join(path, i)));
  if (tree !== null && typeof tree === "object") {
    if (Object.getPrototypeOf(tree) !== Object.prototype && Object.getPrototypeOf(tree) !== null) {
      throw new KasaneError(
        `a ${tree.constructor.name} at "${path}" is passed to or from a compiled function: expected tensors in plain objects and arrays`,
      );
    }
    return Object.fromEntries(Object.entries(tree).map(([key, item]) => [key, mapTree(item, replace, join(path, key))]));
  }
  return tree;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Whether `value` is what `pattern` was made of, by tensors of the same types and shapes with their elements at hand, which go into `feeds`.
 * Quick rather than complete: what is told to be no match is looked at again by its signature.
 */
export function matches(pattern: Tree, value: unknown, feeds: TypedArray[]): boolean {
  if (pattern instanceof Tensor) {
    const isPlain = typeof value === "number" || value instanceof Float32Array;
    const leaf = value instanceof Tensor ? value : isPlain ? tensor(value as NestedArray) : undefined;
    const data = leaf?.dtype === pattern.dtype && sameShape(leaf.shape, pattern.shape) ? hostData(leaf) : undefined;
    if (data) feeds.push(data);
    return data !== undefined;
  }
  if (pattern === null || typeof pattern !== "object") return pattern === value;
  if (value === null || typeof value !== "object") return false;
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value) || value.length !== pattern.length) return false;
    for (let i = 0; i < pattern.length; i++) if (!matches(pattern[i], value[i], feeds)) return false;
    return true;
  }
  const keys = Object.keys(pattern);
  const isAlike = Object.getPrototypeOf(value) === Object.getPrototypeOf(pattern) && Object.keys(value).length === keys.length;
  if (!isAlike) return false;
  for (const key of keys) if (!matches((pattern as Fields)[key], (value as Fields)[key], feeds)) return false;
  return true;
}

const join = (path: string, key: string | number): string => (path === "" ? `${key}` : `${path}.${key}`);

/** Whether `value` is an array of numbers, booleans or bigints, nested or not: a tensor's elements. */
function isNumbers(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  const [first] = value;
  return Array.isArray(first) ? isNumbers(first) : typeof first === "number" || typeof first === "boolean" || typeof first === "bigint";
}
