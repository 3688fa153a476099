import type { Tensor } from "./tensor.js";
import type { Variable } from "./variable.js";

/** What a function that is being traced collects beside its result. */
export interface Trace {
  /** Whether the traced function trains: dropout and batch statistics ask this. */
  readonly training: boolean;
  /** Whether several workers make the step, each on its share of the batch: what they exchange then stands in the graph. */
  readonly divided: boolean;
  /** The values that variables will have after the step. */
  readonly assignments: Map<Variable, Tensor>;
  /** What those variables are read as from here on. */
  readonly readings: Map<Variable, Tensor>;
  /** How many random leaves were made; each draws from a stream of its own. */
  randomStreams: number;
}

let current: Trace | undefined;
let modules: string[] = [];

/** The trace under way, or undefined where values are computed eagerly. */
export const currentTrace = (): Trace | undefined => current;

/** Whether the function being traced trains; false outside any. */
export const isTraining = (): boolean => current?.training ?? false;

/** Runs `body` as a traced function and returns its result with what it collected. */
export function trace<T>(training: boolean, body: () => T, divided = false): { result: T; trace: Trace } {
  const outer = [current, modules] as const;
  const inner: Trace = { training, divided, assignments: new Map(), readings: new Map(), randomStreams: 0 };
  current = inner;
  modules = [];
  try {
    return { result: body(), trace: inner };
  } finally {
    [current, modules] = outer;
  }
}

/** Runs `body` with `name` on the module path, which errors, profiles and anomalies print. */
export function inModule<T>(name: string, body: () => T): T {
  modules.push(name);
  try {
    return body();
  } finally {
    modules.pop();
  }
}

/** Runs `body` as if in the modules of `path`: what takes a node's place, or is its gradient, belongs where the node does. */
export function atPath<T>(path: string, body: () => T): T {
  const outer = modules;
  modules = path === "" ? [] : [path];
  try {
    return body();
  } finally {
    modules = outer;
  }
}

let rebuilding = false;

/** Whether a graph is being made of another one. */
export const isRebuilding = (): boolean => rebuilding;

/** Runs `body`, which makes a graph of another one, such as its gradient: operands are taken as they are, since they were read before. */
export function rebuild<T>(body: () => T): T {
  const outer = rebuilding;
  rebuilding = true;
  try {
    return body();
  } finally {
    rebuilding = outer;
  }
}

/** The modules being run, outermost first, as `Mlp.layers.1`. */
export const modulePath = (): string => modules.join(".");
