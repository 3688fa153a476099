import { elementAt, type TypedArray } from "../graph/dtype.js";
import { check, checkNotTracing } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import { computedValues, fromData, hostData, Tensor } from "../graph/tensor.js";
import { keepBeforeWrite, nextWrite, provideVariables, Variable } from "../graph/variable.js";
import { leavesOf, substitute } from "../graph/walk.js";
import { assigned } from "../ops/assigned.js";
import type { NestedArray } from "../ops/constants.js";
import { findBlockFor } from "./ort/channelBlock.js";
import { drawing, elementsOf, Plan } from "./plan.js";
import { runtime } from "./runtime.js";
import { hostHolder, State, stateOf } from "./state.js";
import { isEagerInput, structureOf } from "./structure.js";

/** At most so many plans are kept. */
const capacity = 256;

/** Computes tensors. A tensor is computed once, unless it depends on a variable. To be called from within the queue. */
export async function realise(tensors: readonly Tensor[]): Promise<Tensor[]> {
  const results = tensors.map((x) => (hostData(x) ? x : computedValues.get(x)));
  const missing = tensors.filter((_, i) => !results[i]);
  if (missing.length === 0) return results as Tensor[];
  const found = await compute(missing);
  missing.forEach((x, i) => {
    if (!leavesOf([x]).some((leaf) => leaf instanceof Variable)) computedValues.set(x, found[i] as Tensor);
  });
  return results.map((result) => result ?? (found.shift() as Tensor));
}

async function compute(tensors: readonly Tensor[]): Promise<Tensor[]> {
  if (tensors.every(({ source }) => source.kind === "data")) return Promise.all(tensors.map(atHand));
  const leaves = leavesOf(tensors);
  await initialise(leaves.filter((leaf) => leaf instanceof Variable));
  const key = structureOf(tensors, leaves);
  const inputs = leaves.filter(isEagerInput);
  await findBlockFor(tensors);
  const plan = runtime.plans.get(key) ?? planOf(tensors, inputs);
  const results = await plan.run(await Promise.all(inputs.map(inputElements)), [0, 0]);
  await remember(key, plan);
  return [...results];
}

/** The elements that a run takes for a leaf: its data, or random numbers. */
function inputElements(leaf: Tensor): TypedArray | Promise<TypedArray> {
  const { source } = leaf;
  if (source.kind !== "random") return elementsOf(leaf);
  check(
    source.key !== undefined,
    () => "random numbers that were drawn in a traced function have no value outside it: give them out as a result",
  );
  const numbers = new Float32Array(leaf.size);
  drawing(source.key)(leaf, numbers);
  return numbers;
}

/** A data leaf with its elements in host memory. */
const atHand = async (leaf: Tensor): Promise<Tensor> => (hostData(leaf) ? leaf : fromData(await elementsOf(leaf), leaf.shape, leaf.dtype));

/**
 * A plan that takes the given leaves as inputs, and so serves any graph of the same structure. ONNX Runtime runs it, since it is ready sooner than a
 * module, and an eager graph runs once or a few times.
 */
function planOf(tensors: readonly Tensor[], leaves: readonly Tensor[]): Plan {
  const inputs = leaves.map(({ dtype, shape }, i) => ({
    name: `data${i}`,
    tensor: new Tensor(dtype, shape, { kind: "input", name: `data${i}` }),
  }));
  const symbols = new Map(leaves.map((leaf, i) => [leaf, (inputs[i] as (typeof inputs)[0]).tensor]));
  return new Plan({ inputs, outputs: substitute(tensors, symbols), updates: new Map() }, { executor: "onnxruntime" });
}

async function remember(key: string, plan: Plan): Promise<void> {
  runtime.plans.delete(key);
  runtime.plans.set(key, plan);
  for (const [oldest, unused] of runtime.plans) {
    if (runtime.plans.size <= capacity) return;
    runtime.plans.delete(oldest);
    await unused.release();
  }
}

/** Computes the initial values of variables that have no value yet. */
export async function initialise(variables: readonly Variable[]): Promise<void> {
  const fresh = variables.filter((variable) => !variable.storage);
  if (fresh.length === 0) return;
  const values = await compute(fresh.map((variable) => variable.initial));
  fresh.forEach((variable, i) => {
    variable.storage ??= ownState(values[i] as Tensor);
  });
}

/** As {@link initialise}, for variables that are written: an initial value is computed only where it is read before that. */
export function initialiseLater(variables: readonly Variable[]): void {
  for (const variable of variables) variable.storage ??= unread(variable);
}

const unread = (variable: Variable): State => new State({ elements: () => initialElements(variable) });

async function initialElements({ initial }: Variable): Promise<TypedArray> {
  const [value] = await compute([initial]);
  return hostData(value as Tensor) as TypedArray;
}

/** A state with a copy of the value, since a state's buffers are written to. */
function ownState(value: Tensor): State {
  return new State(hostHolder((hostData(value) as TypedArray).slice() as TypedArray));
}

function assign(variable: Variable, value: Tensor | undefined): Promise<void> {
  check(
    !value || leavesOf([value]).every((leaf) => leaf.source.kind !== "input"),
    () =>
      `assign to ${variable.name}: the value was made in a traced function or in the step of a loop: give it out as a result or a carry`,
  );
  const moment = nextWrite();
  return runtime.enqueue(async () => {
    const [next] = value ? await compute([value]) : [];
    await keepBeforeWrite([variable], moment);
    if (variable.storage) stateOf(variable).holder.release?.();
    variable.storage = next ? ownState(next) : unread(variable);
  });
}

function readState(variable: Variable): TypedArray | Promise<TypedArray> {
  return variable.storage ? variable.storage.read() : initialise([variable]).then(() => stateOf(variable).read());
}

provideVariables({ assign, read: readState, assigned });

declare module "../graph/tensor.js" {
  interface Tensor {
    /** The elements, in row-major order, computed where they are not yet. The array is the tensor's own: copy it before writing to it. */
    data(): Promise<TypedArray>;
    /** Computes the elements in nested arrays, or the one element of a scalar. int64 gives bigints, bool booleans. */
    array(): Promise<NestedArray>;
    /** Computes the only element of a tensor of size 1 as a number. */
    item(): Promise<number>;
  }
}

// None of the three is async: in a traced function the error is thrown at the line of the call, and no promise is rejected.
Object.assign(Tensor.prototype, {
  data(this: Tensor): Promise<TypedArray> {
    checkReadable("data");
    return elementsOfAny(this);
  },
  array(this: Tensor): Promise<NestedArray> {
    checkReadable("array");
    return elementsOfAny(this).then((data) => nest(data, this, 0, 0, this.size));
  },
  item(this: Tensor): Promise<number> {
    checkReadable("item");
    return onlyElement(this);
  },
});

const checkReadable = (method: string): void =>
  checkNotTracing(`${method}() is called`, "give the tensor out as a result of the function, and read it there");

function elementsOfAny(tensor: Tensor): Promise<TypedArray> {
  const known = hostData(tensor);
  if (known) return Promise.resolve(known);
  return runtime.enqueue(async () => {
    if (tensor instanceof Variable) return readState(tensor);
    const [result] = await realise([tensor]);
    return hostData(result as Tensor) as TypedArray;
  });
}

async function onlyElement(tensor: Tensor): Promise<number> {
  const { size, shape, dtype } = tensor;
  check(size === 1, () => `item: a tensor of shape ${showShape(shape)} has ${size} elements, expected 1`);
  return Number(elementAt(await elementsOfAny(tensor), 0, dtype));
}

function nest(data: TypedArray, { shape, dtype }: Tensor, axis: number, offset: number, span: number): NestedArray {
  if (axis === shape.length) return elementAt(data, offset, dtype);
  const count = shape[axis] as number;
  const inner = count === 0 ? 0 : span / count;
  return Array.from({ length: count }, (_, i) => nest(data, { shape, dtype } as Tensor, axis + 1, offset + i * inner, inner));
}
