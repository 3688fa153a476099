import type * as ort from "#onnxruntime";
import { arrayOf, isFloat } from "../graph/dtype.js";
import { KasaneError } from "../graph/error.js";
import type { Node, RandomSource, Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { leavesOf, topologicalOrder } from "../graph/walk.js";
import { encodeModel, type Named, unusedName } from "../onnx/emit.js";
import { prepare } from "../onnx/passes/index.js";
import { operatorOf } from "../ops/operator.js";
import { detectAnomaly } from "./anomaly.js";
import type { Device } from "./devices.js";
import { Session } from "./session.js";
import { emptyOrt, fromOrt, stateOf, toOrt } from "./state.js";
import { fillUniform } from "./uniform.js";

/** How a graph is run. */
export interface RunOptions {
  readonly device?: Device;
  /** Threads within one operator; by default one for small graphs, all cores for large ones. */
  readonly threads?: number;
  /** Whether every value is checked, to name the operation that first makes a NaN or an infinity. Slow. */
  readonly detectAnomalies?: boolean;
}

/** What a plan computes from what. */
export interface Computation {
  readonly inputs: readonly Named[];
  readonly outputs: readonly Tensor[];
  readonly updates: ReadonlyMap<Variable, Tensor>;
}

/** A computation made ready to be run. */
export interface Runnable {
  /** The variables whose values a run needs. */
  readonly reads: readonly Variable[];
  readonly usesRandom: boolean;
  /**
   * Runs it once.
   * @param values what the inputs hold, in their order
   * @param key of the random numbers drawn this time
   */
  run(values: readonly ort.Tensor[], key: readonly [number, number]): Promise<Tensor[]>;
  release(): Promise<void>;
}

/** A graph made ready: its session, and where each input comes from and each output goes. */
export class Plan implements Runnable {
  private readonly names = new Set<string>();
  private readonly inputs: readonly Named[];
  private readonly variables: { readonly name: string; readonly variable: Variable }[] = [];
  private readonly randoms: { readonly name: string; readonly leaf: Tensor; readonly source: RandomSource }[] = [];
  /** The variables that change: by one result, the whole value, or by two, the indices of rows and these rows. */
  private readonly updates: readonly { readonly variable: Variable; readonly results: readonly Named[] }[];
  private readonly outputs: readonly Named[];
  private readonly watched: readonly { readonly name: string; readonly node: Node; readonly output: Tensor }[];
  readonly session: Session;
  private readonly fetches: Record<string, ort.Tensor | null>;
  readonly onDevice: boolean;
  private readonly handsOver: boolean;
  readonly usesRandom: boolean;
  readonly reads: readonly Variable[];

  constructor({ inputs, outputs, updates }: Computation, options: RunOptions) {
    const device = options.device ?? "cpu";
    this.onDevice = device !== "cpu" && device !== "wasm";
    // A GPU has its variables to itself: there they are written as a whole.
    const changes = [...updates].map(([variable, value]) => ({
      variable,
      values: (this.onDevice ? undefined : rowsSet(variable, value)) ?? [value],
    }));
    const target = { device, threads: options.threads };
    const prepared = prepare([...outputs, ...changes.flatMap(({ values }) => values)], target);
    this.inputs = inputs.map(({ name, tensor }) => ({ name: this.unique(name), tensor }));
    const known = new Set(inputs.map((input) => input.tensor));
    const feeds: Named[] = [...this.inputs];
    for (const leaf of leavesOf(prepared)) {
      if (known.has(leaf)) continue;
      const name = this.unique(leaf instanceof Variable ? leaf.name : leaf.source.kind);
      if (leaf instanceof Variable) this.variables.push({ name, variable: leaf });
      else if (leaf.source.kind === "random") this.randoms.push({ name, leaf, source: leaf.source });
      else continue;
      feeds.push({ name, tensor: leaf });
    }
    this.usesRandom = this.randoms.some(({ source }) => source.key === undefined);
    this.outputs = outputs.map((_, i) => ({ name: this.unique(`output${i}`), tensor: prepared[i] as Tensor }));
    const rest = prepared.slice(outputs.length);
    this.updates = changes.map(({ variable, values }) => ({
      variable,
      results: values.map(() => ({ name: this.unique(`${variable.name}'`), tensor: rest.shift() as Tensor })),
    }));
    this.reads = [...this.variables, ...this.updates].map(({ variable }) => variable);
    const results = [...this.outputs, ...this.updates.flatMap((update) => update.results)];
    this.watched = options.detectAnomalies ? this.watch(prepared) : [];
    const watched = this.watched.map(({ name, output }) => ({ name, tensor: output }));
    const model = encodeModel(feeds, [...results, ...watched], target);
    this.fetches = Object.fromEntries([...results, ...this.watched].map(({ name }) => [name, null]));
    const bytes = results.reduce((sum, { tensor: { dtype, size } }) => sum + size * arrayOf(dtype).BYTES_PER_ELEMENT, 0);
    this.handsOver = device === "cpu" && !options.detectAnomalies && bytes >= worthHandingOver;
    // Rows are copied to where they belong, so every run may write them to the same place.
    const rows = this.handsOver ? this.updates.flatMap((update) => (update.results.length > 1 ? update.results : [])) : [];
    for (const { name, tensor } of rows) this.fetches[name] = emptyOrt(tensor);
    this.session = new Session(model, {
      handOver: this.handsOver,
      device,
      threads: options.threads ?? threadsFor(prepared),
      resident: this.updates.flatMap((update) => update.results.map(({ name }) => name)),
    });
  }

  async run(values: readonly ort.Tensor[], key: readonly [number, number]): Promise<Tensor[]> {
    const results = await this.compute(values, key);
    for (const { name, node } of this.watched) detectAnomaly(results[name] as ort.Tensor, node);
    for (const { variable, results: own } of this.updates) {
      const [value, rows] = own.map(({ name }) => results[name]) as [ort.Tensor, ort.Tensor?];
      if (rows) await stateOf(variable).setRows(value, rows);
      else stateOf(variable).advance(value);
    }
    return this.outputs.map(({ name, tensor }) => fromOrt(results[name] as ort.Tensor, tensor));
  }

  /** What a run computes, by name; the variables keep their values. */
  async compute(
    values: readonly ort.Tensor[],
    key: readonly [number, number],
    session = this.session,
  ): Promise<ort.InferenceSession.OnnxValueMapType> {
    const { fetches, onDevice } = this;
    const feeds: Record<string, ort.Tensor> = {};
    this.inputs.forEach(({ name }, i) => {
      feeds[name] = values[i] as ort.Tensor;
    });
    for (const { name, variable } of this.variables) {
      const value = stateOf(variable).feed(onDevice);
      // Awaiting what is there costs a small model more than its arithmetic.
      feeds[name] = value instanceof Promise ? await value : value;
    }
    for (const { name, leaf, source } of this.randoms) feeds[name] = toOrt(draw(leaf, source, key), "float32", leaf.shape);
    if (this.handsOver) for (const { name, tensor } of this.outputs) fetches[name] = emptyOrt(tensor);
    for (const { variable, results } of this.updates) {
      if (results.length === 1) fetches[(results[0] as Named).name] = stateOf(variable).target(onDevice);
    }
    try {
      return await session.run(feeds, fetches);
    } catch (error) {
      throw new KasaneError(`ONNX Runtime: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  release(): Promise<void> {
    return this.session.release();
  }

  private watch(prepared: readonly Tensor[]) {
    return topologicalOrder(prepared).flatMap((node) =>
      node.outputs.flatMap((output) => (isFloat(output.dtype) ? [{ name: this.unique("watched"), node, output }] : [])),
    );
  }

  private unique(name: string): string {
    return unusedName(name, this.names);
  }
}

/** The indices and the rows, where `value` is `variable` with other rows: they are written over the old ones, and the rest is not copied. */
function rowsSet(variable: Variable, { source }: Tensor): readonly Tensor[] | undefined {
  return source.kind === "node" && operatorOf(source).setsRows && source.inputs[0] === variable ? source.inputs.slice(1) : undefined;
}

/** The numbers of a random leaf in the run of the given key; of several runs, slice by slice those of the keys that follow. */
export function draw(
  { shape, size }: Tensor,
  { key: fixed, stream, runs }: RandomSource,
  key: readonly [number, number],
): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(size);
  const [seed, counter] = fixed ?? key;
  const count = runs ? (shape[0] as number) : 1;
  const each = size / count;
  for (let i = 0; i < count; i++) fillUniform(numbers.subarray(i * each, (i + 1) * each), [seed, counter + i], stream);
  return numbers;
}

/** With fewer bytes of results, copying them costs less than leaving a run early: 16 µs. */
const worthHandingOver = 2 ** 17;

/** With fewer elements in its largest value a graph is run by one thread: waking a second one costs more than it brings. */
const largeValue = 16_384;

const threadsFor = (outputs: readonly Tensor[]): number =>
  topologicalOrder(outputs).some((node) => node.outputs.some(({ size }) => size >= largeValue)) ? 0 : 1;

/** The elements of a data leaf as ONNX Runtime takes them: at once where they are on the host. */
export function feedOf(leaf: Tensor): ort.Tensor | Promise<ort.Tensor> {
  const { source } = leaf;
  if (source.kind !== "data") {
    throw new KasaneError(`a ${source.kind} leaf has no value here: was it made in a traced function and used outside it?`);
  }
  const { host } = source.storage;
  return host ? toOrt(host, leaf.dtype, leaf.shape) : source.storage.read().then((data) => toOrt(data, leaf.dtype, leaf.shape));
}
