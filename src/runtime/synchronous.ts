import { arrayOf, type TypedArray } from "../graph/dtype.js";
import { check, checkNotTracing, KasaneError } from "../graph/error.js";
import { Tensor } from "../graph/tensor.js";
import { keepBeforeWrite, nextWrite } from "../graph/variable.js";
import { nextKey } from "../random/state.js";
import type { Runnable } from "./executor.js";
import { drawing } from "./plan.js";
import { runtime } from "./runtime.js";

/** The arrays that a module's tensors are read from and written to. */
export type ModuleArray = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** Arguments or results with arrays of elements, row-major, in place of tensors. */
export type Elements<T> = T extends Tensor ? ModuleArray : T extends object ? { [Key in keyof T]: Elements<T[Key]> } : T;

/**
 * A compiled function that returns its result itself, and not a promise of it. Tensors are given as arrays of their elements. The result is the same
 * object at each call, and the next call writes over its arrays: copy what is to last.
 */
export type Synchronous<Values extends readonly unknown[], Result> = (...values: Elements<Values>) => Elements<Result>;

/** An argument's part, by the keys that lead to it. */
interface Part {
  readonly keys: readonly string[];
  readonly name: string;
  readonly value: unknown;
}

/** The tensors of arguments, and the settings among them. */
function partsOf(pattern: readonly unknown[]): { readonly tensors: readonly Part[]; readonly settings: readonly Part[] } {
  const [tensors, settings]: [Part[], Part[]] = [[], []];
  const visit = (value: unknown, keys: readonly string[]): void => {
    const [first, ...path] = keys;
    const argument = pattern.length === 1 ? "the argument" : `argument ${Number(first) + 1}`;
    const part = { keys, value, name: path.length === 0 ? argument : `${argument} at "${path.join(".")}"` };
    if (value instanceof Tensor) tensors.push(part);
    else if (value !== null && typeof value === "object") for (const [key, item] of Object.entries(value)) visit(item, [...keys, key]);
    else settings.push(part);
  };
  pattern.forEach((argument, i) => visit(argument, [`${i}`]));
  return { tensors, settings };
}

function valueAt(values: unknown, keys: readonly string[]): unknown {
  let value = values;
  for (const key of keys) value = (value as Readonly<Record<string, unknown>> | undefined)?.[key];
  return value;
}

/**
 * A call of a traced function without promises.
 * @param pattern the arguments that it was traced for, with symbols for tensors
 * @param fill the result, given the arrays of its tensors
 * @throws KasaneError where ONNX Runtime runs the graph
 */
export function synchronousCall(plan: Runnable, pattern: readonly unknown[], fill: (outputs: readonly unknown[]) => unknown) {
  const running = plan.synchronous?.();
  check(
    running !== undefined,
    () =>
      `synchronous: ONNX Runtime runs this graph, and its calls are promises (${plan.explain().reason}): compile it with ` +
      '{ executor: "wasm" }, or await its calls',
  );
  const result = fill(running.outputs);
  const { tensors, settings } = partsOf(pattern);
  const feeds: TypedArray[] = [];
  return (...values: unknown[]): unknown => {
    checkNotTracing("a compiled function is called", "call the function that it was compiled from");
    check(!runtime.isBusy, () => "synchronous: another call is under way: await it first");
    for (let i = 0; i < tensors.length; i++) {
      const { keys, name, value } = tensors[i] as Part;
      const elements = valueAt(values, keys);
      feeds[i] = isOf(value as Tensor, elements) ? elements : refuse(name, value as Tensor, elements);
    }
    for (const { keys, name, value } of settings) {
      const given = valueAt(values, keys);
      check(Object.is(given, value), () => `synchronous: ${name} is ${given}, expected ${value}, for which the call was made ready`);
    }
    const waiting = plan.writes.length > 0 ? keepBeforeWrite(plan.writes, nextWrite()) : undefined;
    check(waiting === undefined, () => "synchronous: a tensor was made of a variable that is on a device: await its data() first");
    running.run(feeds, drawing(plan.usesRandom ? nextKey() : [0, 0]));
    return result;
  };
}

const isOf = ({ dtype, size }: Tensor, value: unknown): value is TypedArray =>
  value instanceof arrayOf(dtype) && (value as TypedArray).length === size;

function refuse(name: string, { dtype, size }: Tensor, value: unknown): never {
  const got = ArrayBuffer.isView(value) ? `a ${value.constructor.name} of ${(value as TypedArray).length}` : typeof value;
  throw new KasaneError(`synchronous: ${name} is ${got}, expected a ${arrayOf(dtype).name} of ${size} elements`);
}
