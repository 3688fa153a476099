import { KasaneError } from "../graph/error.js";

/** Where a value stands in a tree of plain data. */
export interface DataPlace {
  /** The fields that lead to it, such as `batch.tokens`; empty for the whole. */
  readonly path: string;
  /** What an error calls it: `argument 2 at "batch.tokens"`. */
  readonly name: string;
}

/** What is done with the parts of plain data. */
export interface DataVisitor {
  /** What an error calls the whole. */
  readonly name: string;
  /** What takes the place of an object or array that stands for a tensor; undefined for one that does not. */
  tensor(value: object, place: DataPlace): unknown;
  /** Is told of every other value: a number, a string, a boolean, a bigint, null or undefined. */
  value?(value: unknown, place: DataPlace): void;
  /** Is told of keys and brackets, so that with the values they tell any two trees apart. */
  mark?(text: string): void;
}

/**
 * Copies plain data: plain objects and arrays of numbers, strings, booleans, bigints, null and undefined, with something else in place of tensors.
 * @throws KasaneError naming a value of another kind: a function, a class instance, a symbol, an object within itself
 */
export function mapData(root: unknown, visitor: DataVisitor): unknown {
  const within = new Set<object>();
  const map = (value: unknown, path: string): unknown => {
    const place = { path, name: path === "" ? visitor.name : `${visitor.name} at "${path}"` };
    const refuse = (what: string, remedy = "expected tensors and plain data: objects, arrays, numbers, strings, booleans") => {
      throw new KasaneError(`compile: ${place.name} ${what}: ${remedy}`);
    };
    if (typeof value === "function") refuse("is a function", "compile one function for each, and let it use the function from around it");
    if (typeof value === "symbol") refuse("is a symbol");
    if (value === null || typeof value !== "object") {
      visitor.value?.(value, place);
      return value;
    }
    const replacement = visitor.tensor(value, place);
    if (replacement !== undefined) return replacement;
    if (within.has(value)) refuse("contains itself");
    within.add(value);
    const inner = (key: string | number, item: unknown) => map(item, path === "" ? `${key}` : `${path}.${key}`);
    try {
      if (Array.isArray(value)) {
        visitor.mark?.(`[${value.length}:`);
        return Array.from(value, (item, i) => {
          visitor.mark?.(",");
          return inner(i, item);
        });
      }
      if (value instanceof Promise) {
        // The error below tells of it; what becomes of the promise matters to nobody.
        value.catch(() => undefined);
        refuse("is a promise", "a traced function only builds tensors, so it needs no await");
      }
      if (!isPlain(value)) refuse(`is a ${value.constructor?.name ?? "class instance"}`);
      if (Object.hasOwn(value, "__proto__")) refuse('has a field named "__proto__"', "give it another name");
      if (Object.getOwnPropertySymbols(value).length > 0) refuse("has a symbol among its keys", "name its fields by strings");
      visitor.mark?.("{");
      const copy: Record<string, unknown> = Object.getPrototypeOf(value) === null ? Object.create(null) : {};
      for (const [key, item] of Object.entries(value)) {
        visitor.mark?.(`,${JSON.stringify(key)}:`);
        copy[key] = inner(key, item);
      }
      visitor.mark?.("}");
      return copy;
    } finally {
      within.delete(value);
    }
  };
  return map(root, "");
}

/** Whether an object is of no class; those of another realm, such as a frame's, included. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
