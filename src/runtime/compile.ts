import type { TypedArray } from "../graph/dtype.js";
import { check, checkNotTracing, KasaneError } from "../graph/error.js";
import { checkChoice, checkOptions, type OptionNames } from "../graph/options.js";
import { type Shape, showShape } from "../graph/shape.js";
import { hostData, Tensor } from "../graph/tensor.js";
import { trace } from "../graph/trace.js";
import { keepBeforeWrite, keepReadings, nextWrite, type Variable } from "../graph/variable.js";
import { leavesOf } from "../graph/walk.js";
import type { Computation } from "../passes/binding.js";
import { repeat } from "../passes/repeat.js";
import { nextKey } from "../random/state.js";
import { type Feed, matches, NumberLimit, readArguments } from "./arguments.js";
import { initialise, initialiseLater, realise } from "./eager.js";
import type { Runnable, RunOptions } from "./executor.js";
import { explainable } from "./explain.js";
import { findBlockFor } from "./ort/channelBlock.js";
import { requireDevice } from "./ort/devices.js";
import { mapData } from "./plainData.js";
import { elementsOf, Plan } from "./plan.js";
import { runtime } from "./runtime.js";
import { type Synchronous, synchronousCall } from "./synchronous.js";
import { checkThreads } from "./threads.js";

/** Settings of {@link compile}. */
export interface CompileOptions extends RunOptions {
  /** Whether the function trains: what dropout and batch statistics ask while it is traced. */
  readonly training?: boolean;
  /**
   * How many threads make a step together, by default 1: the first axis of every input is divided into as many shares (the most up to this
   * number that divide it into two examples or more each), and what an optimizer or `allReduce` exchanges is added up. The result is that of one
   * worker, within rounding; the losses may be means or sums over the batch, which the graph tells apart. State and results that follow from a share in
   * another way, such as batch statistics and carried hidden states, are named in an error. On the CPU, in Node. `fn` is called twice a signature.
   */
  readonly workers?: number;
}

/** What a traced function's result becomes: computed, with plain tensors in place of variables. */
export type Computed<T> = T extends Tensor ? Tensor : T extends object ? { [Key in keyof T]: Computed<T[Key]> } : T;

/** The results of many runs: each tensor is stacked, `[runs, ...]`; what is no tensor is as each run gives it. */
export type Stacked<T> = Computed<T>;

const compileOptions: OptionNames<CompileOptions> = {
  training: "optional",
  workers: "optional",
  device: "optional",
  threads: "optional",
  detectAnomalies: "optional",
  arena: "optional",
  channelBlocks: "optional",
  executor: "optional",
};

/** A function that was compiled: takes what the original takes, and arrays for tensors; gives its result, computed. */
export interface Compiled<Values extends readonly unknown[], Result> {
  (...values: { [I in keyof Values]: Feed<Values[I]> }): Promise<Computed<Result>>;
  /**
   * Calls it once for each slice along the first axis of its tensors, all in one run: the same as so many calls, without what a call costs
   * outside the arithmetic. Settings are the same for all runs. The results are stacked along a new first axis.
   */
  many(...values: { [I in keyof Values]: Feed<Values[I]> }): Promise<Stacked<Result>>;
  /**
   * Makes a call ready that needs no promise, for arguments with the shapes, dtypes and settings of `values`: for steps of microseconds, such as an
   * agent's choice of an action, of which a promise would be the greater part. Small graphs alone have it, those that a module of our own runs.
   * @throws KasaneError (the returned promise) where ONNX Runtime runs the graph
   */
  synchronous(...values: { [I in keyof Values]: Feed<Values[I]> }): Promise<Synchronous<Values, Result>>;
  /** Gives the native memory of its sessions back. Without it they are released when the least recently used make room. */
  dispose(): Promise<void>;
}

interface Traced {
  /** The arguments that it was traced for, with symbols for their tensors. */
  readonly pattern: readonly unknown[];
  readonly plan: Runnable;
  /** The result, with its tensors' places among the plan's outputs. */
  readonly result: unknown;
  /** How many of the function's runs one run of the plan is. */
  readonly runs: number;
}

type TracedFunction = (...values: never[]) => unknown;

/** A call made ready: what it runs, and what the inputs hold. */
export interface Call {
  readonly traced: Traced;
  readonly feeds: readonly TypedArray[];
}

/** How the calls of compiled functions are made ready, by function; to be awaited in a section that has the runtime for itself. */
export const preparations = new WeakMap<object, (values: readonly unknown[]) => () => Promise<Call>>();

class Place {
  constructor(readonly index: number) {}
}

/**
 * Makes one ONNX graph of all that `fn` computes and assigns, for each signature that it is called with, and runs it in one call. `fn` is
 * called once a signature, with symbolic tensors: anything else that it does happens then only.
 *
 * Tensors, typed arrays and nested arrays of numbers are inputs: the signature has their dtypes and shapes, and a call computes with the values
 * that they have when it is made. Numbers, strings, booleans, bigints, null and undefined are settings: `fn` gets them as they are, and each
 * value is a signature. A number that changes with every call belongs into `tensor(...)`. All else, such as functions and class instances, is
 * an error.
 * @throws KasaneError (the returned promise) where an argument is none of these, where tracing fails, or this machine lacks the device
 */
export function compile<Values extends readonly unknown[], Result>(
  fn: (...values: Values) => Result,
  options: CompileOptions = {},
): Compiled<Values, Result> {
  checkOptions("compile", options, compileOptions);
  check(typeof fn === "function", () => `compile: got a ${typeof fn}, expected a function, such as (x) => model.forward(x)`);
  checkThreads("compile", options.threads);
  checkChoice("compile", "executor", options.executor, ["wasm", "onnxruntime"]);
  const traced = new Map<string, Traced>();
  const limit = new NumberLimit();
  /** What the last call ran, of one run and of many: the next one most likely runs the same. */
  const latest = new Map<boolean, Traced>();
  let deviceChecked = options.device === undefined || options.device === "cpu";

  const prepare = (values: readonly unknown[], several: boolean): (() => Promise<Call>) => {
    const read = readArguments(values);
    const signature = several ? `many${read.signature}` : read.signature;
    const leaves = read.tensors;
    return async () => {
      if (!deviceChecked) {
        await requireDevice(options.device as NonNullable<typeof options.device>);
        deviceChecked = true;
      }
      const runs = several ? commonLength(leaves) : undefined;
      let known = traced.get(signature);
      if (!known) {
        limit.add({ ...read, signature });
        known = await makePlan(fn as TracedFunction, read.pattern, options, runs);
        traced.set(signature, known);
      }
      const { reads, writes } = known.plan;
      if (reads.some((variable) => !variable.storage)) await initialise(reads);
      initialiseLater(writes);
      latest.set(several, known);
      const computed = leaves.every((leaf) => hostData(leaf)) ? leaves : await realise(leaves);
      const feeds: TypedArray[] = [];
      for (const leaf of computed) {
        const elements = elementsOf(leaf);
        feeds.push(elements instanceof Promise ? await elements : elements);
      }
      return { traced: known, feeds };
    };
  };
  const run = (call: Call, moment: number): unknown => {
    const kept = keepBeforeWrite(call.traced.plan.writes, moment);
    return kept ? kept.then(() => runNow(call)) : runNow(call);
  };
  const runNow = ({ traced: { plan, result, runs }, feeds }: Call): unknown => {
    const outputs = plan.run(feeds, plan.usesRandom ? nextKey(runs) : [0, 0]);
    return outputs instanceof Promise ? outputs.then((values) => fill(result, values)) : fill(result, outputs);
  };
  const call =
    (several: boolean) =>
    (...values: unknown[]): Promise<unknown> => {
      // Thrown at once: a promise made in a traced function would be rejected where nobody awaits it.
      checkNotTracing("a compiled function is called", "call the function that it was compiled from");
      const known = latest.get(several);
      const feeds: TypedArray[] = [];
      if (known && matches(known.pattern, values, feeds)) {
        const moment = known.plan.writes.length > 0 ? nextWrite() : 0;
        return runtime.enqueue(() => run({ traced: known, feeds }, moment));
      }
      return anew(values, several);
    };
  const anew = async (values: readonly unknown[], several: boolean): Promise<unknown> => {
    const ready = prepare(values, several);
    // What it writes is known when it is traced.
    const moment = nextWrite();
    return runtime.enqueue(async () => run(await ready(), moment));
  };
  const dispose = async () => {
    const plans = [...traced.values()];
    traced.clear();
    latest.clear();
    await runtime.enqueue(async () => {
      for (const { plan } of plans) await plan.release();
    });
  };
  const synchronous = async (...values: unknown[]) => {
    const { plan, pattern, result } = (await runtime.enqueue(prepare(values, false))).traced;
    return synchronousCall(plan, pattern, (outputs) => fill(result, outputs));
  };
  const compiled = Object.assign(call(false), { many: call(true), synchronous, dispose });
  for (const [several, each] of [compiled, compiled.many].entries()) preparations.set(each, (values) => prepare(values, several === 1));
  explainable(compiled, () => new Map([...traced].map(([signature, { plan }]) => [signature, plan])));
  return compiled as unknown as Compiled<Values, Result>;
}

/** The length of the first axis that all inputs share. */
function commonLength(leaves: readonly Tensor[]): number {
  const [length] = leaves.map((leaf) => leaf.shape[0]);
  check(
    length !== undefined && length > 0 && leaves.every((leaf) => leaf.shape[0] === length),
    () => `many: inputs ${leaves.map((leaf) => showShape(leaf.shape)).join(", ")}: expected one or more, with the same first size from 1`,
  );
  return length;
}

async function makePlan(
  fn: TracedFunction,
  pattern: readonly unknown[],
  options: CompileOptions,
  runs: number | undefined,
): Promise<Traced> {
  const traceWith = (shapeOf: (shape: Shape) => Shape) =>
    traceFunction(fn, pattern, options, (full) => shapeOf(runs === undefined ? full : full.slice(1)));
  const { once, places, names } = traceWith((full) => full);
  await keepReadings(leavesOf([...once.outputs, ...once.updates.values()]));
  await findBlockFor([...once.outputs, ...once.updates.values()]);
  const { workers = 1 } = options;
  const traced = { pattern, result: places, runs: runs ?? 1 };
  if (workers !== 1) {
    const { dataParallel } = await import("#workers");
    const plan = dataParallel(once, (shapeOf) => traceWith(shapeOf).once, workers, names, options, runs);
    if (plan) return { ...traced, plan };
  }
  return { ...traced, plan: new Plan(runs === undefined ? once : repeat(once, runs), options) };
}

interface TraceResult {
  readonly once: Computation;
  /** The result, with its tensors' places among the outputs. */
  readonly places: unknown;
  /** What the outputs are called in the result. */
  readonly names: readonly string[];
}

/** @param shapeOf the shape that the function gets for an input of a given one */
function traceFunction(
  fn: TracedFunction,
  pattern: readonly unknown[],
  options: CompileOptions,
  shapeOf: (shape: Shape) => Shape,
): TraceResult {
  const inputs: { name: string; tensor: Tensor }[] = [];
  const symbol = (symbol: object) => {
    if (!(symbol instanceof Tensor)) return undefined;
    const { name } = symbol.source as { name: string };
    const input = new Tensor(symbol.dtype, shapeOf(symbol.shape), { kind: "input", name });
    inputs.push({ name, tensor: input });
    return input;
  };
  const symbolic = pattern.map((argument) => mapData(argument, { name: "the argument", tensor: symbol }));
  const { result, trace: collected } = trace(options.training ?? false, () => fn(...(symbolic as never[])), (options.workers ?? 1) > 1);
  checkNotAsync(result);
  const outputs: Tensor[] = [];
  const names: string[] = [];
  const places = mapData(result, {
    name: "the result",
    tensor: (value, { path }) => {
      if (!(value instanceof Tensor)) return undefined;
      names.push(path);
      return new Place(outputs.push(collected.assignments.get(value as Variable) ?? value) - 1);
    },
  });
  return { once: { inputs, outputs, updates: collected.assignments }, places, names };
}

/** What is built after an await is built after the trace: a function that awaits cannot be traced. */
function checkNotAsync(result: unknown): void {
  if (typeof result !== "object" || result === null || !("then" in result) || typeof result.then !== "function") return;
  Promise.resolve(result).catch(() => undefined);
  throw new KasaneError("compile: the function is async: a traced function only builds tensors, so it needs no await");
}

function fill(result: unknown, values: readonly unknown[]): unknown {
  if (result instanceof Place) return values[result.index];
  if (Array.isArray(result)) return result.map((item) => fill(item, values));
  if (result === null || typeof result !== "object") return result;
  const filled: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(result)) filled[key] = fill(item, values);
  return filled;
}
