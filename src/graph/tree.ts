import { KasaneError } from "./error.js";
import { showShape } from "./shape.js";
import { Tensor, type TensorType } from "./tensor.js";

/**
 * What a type must be to be a tree: a tensor, or tensors in plain objects, tuples and arrays, nested; `T extends Tree<T>` holds for trees alone.
 * A field may be undefined: then it is absent.
 */
export type Tree<T> = Tensor | (object & { readonly [Key in keyof T]: Branch<T[Key]> });

type Branch<T> = T extends Tensor | undefined ? T : T extends object ? { readonly [Key in keyof T]: Branch<T[Key]> } : never;

/** A tree of which nothing more is known. */
export type AnyTree = Tensor | undefined | readonly AnyTree[] | { readonly [name: string]: AnyTree };

/** `tree` with something else in place of each tensor. */
export type Mapped<T, Leaf> = T extends Tensor ? Leaf : T extends object ? { readonly [Key in keyof T]: Mapped<T[Key], Leaf> } : T;

type Fields = Readonly<Record<string, unknown>>;

/**
 * `tree` with what `replace` makes of each tensor in its place.
 * @param replace gets the path of fields that leads to the tensor, such as `layers.0.keys`; empty where the tree is a tensor
 * @param other what stands in place of a value that is neither a tensor nor a plain object nor an array; by default an error
 */
export function mapTree<T, Leaf>(
  tree: T,
  replace: (leaf: Tensor, path: string) => Leaf,
  other: (value: unknown, path: string) => unknown = refuse,
  path = "",
): Mapped<T, Leaf> {
  const map = (value: unknown, at: string): unknown => {
    if (value instanceof Tensor) return replace(value, at);
    if (Array.isArray(value)) return value.map((item, i) => map(item, join(at, i)));
    if (!isPlainObject(value)) return other(value, at);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, map(item, join(at, key))]));
  };
  return map(tree, path) as Mapped<T, Leaf>;
}

/** The tensors of a tree, in the order of its fields. */
export function flatten(tree: unknown): Tensor[] {
  const leaves: Tensor[] = [];
  mapTree(tree, (leaf) => leaves.push(leaf));
  return leaves;
}

/** The paths of a tree's tensors, in the order of {@link flatten}. */
export function pathsOf(tree: unknown): string[] {
  const paths: string[] = [];
  mapTree(tree, (_, path) => paths.push(path));
  return paths;
}

/** A tree like `pattern` with other leaves, in the order of {@link flatten}. */
export function unflatten<T, Leaf>(pattern: T, leaves: readonly Leaf[]): Mapped<T, Leaf> {
  let next = 0;
  return mapTree(pattern, () => leaves[next++] as Leaf);
}

/**
 * The tensors of `tree` in the order in which `pattern` has its own: fields are found by their names.
 * @param name what the trees are called in the error
 * @throws KasaneError where one has a tensor that the other has not
 */
export function flattenLike(name: string, pattern: unknown, tree: unknown): Tensor[] {
  const leaves: Tensor[] = [];
  const visit = (expected: unknown, got: unknown, path: string): void => {
    if (expected instanceof Tensor && got instanceof Tensor) {
      leaves.push(got);
      return;
    }
    if (expected === undefined && got === undefined) return;
    const alike = isContainer(expected) && isContainer(got) && Array.isArray(expected) === Array.isArray(got);
    if (!alike)
      throw new KasaneError(
        `${path} is ${got === undefined ? "missing" : show(got)}, expected ${expected === undefined ? "none" : show(expected)}`,
      );
    for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
      visit((expected as Fields)[key], (got as Fields)[key], join(path, key));
    }
  };
  visit(pattern, tree, name);
  return leaves;
}

/** How a tree stands in an error: `{ hidden: float32[2, 3], cell: float32[2, 3] }`. */
export const showTree = (tree: unknown): string => {
  if (tree instanceof Tensor) return showType(tree);
  if (Array.isArray(tree)) return `[${tree.map(showTree).join(", ")}]`;
  if (!isPlainObject(tree)) return show(tree);
  const fields = Object.entries(tree).filter(([, value]) => value !== undefined);
  return fields.length === 0 ? "{}" : `{ ${fields.map(([key, value]) => `${key}: ${showTree(value)}`).join(", ")} }`;
};

/** How a tensor's type stands in an error: `float32[2, 3]`. */
export const showType = ({ dtype, shape }: TensorType): string => `${dtype}${showShape(shape)}`;

/** `path.key`. */
export const join = (path: string, key: string | number): string => (path === "" ? `${key}` : `${path}.${key}`);

/** Whether `value` is an object literal's kind of object: of no class. */
export function isPlainObject(value: unknown): value is Fields {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const isContainer = (value: unknown): value is object => Array.isArray(value) || isPlainObject(value);

/** The kind of a value, for an error. */
function show(value: unknown): string {
  if (isContainer(value)) return showTree(value);
  if (value === null || typeof value !== "object") return typeof value === "function" ? "a function" : `${value}`;
  return value instanceof Tensor ? showType(value) : `a ${value.constructor.name}`;
}

function refuse(value: unknown, path: string): undefined {
  if (value === undefined) return undefined;
  throw new KasaneError(`${path === "" ? "the tree" : path} is ${show(value)}: expected tensors in plain objects and arrays`);
}
