import type { TypedArray } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import type { RandomSource, Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import type { Computation } from "../passes/binding.js";
import { fillBernoulli } from "../random/bernoulli.js";
import { fillUniform } from "../random/uniform.js";
import type { Draw, Executor } from "./executor.js";
import type { Device } from "./ort/devices.js";
import { OnnxExecutor } from "./ort/ortExecutor.js";
import { type Choice, choose, onnxExecutorOf } from "./selectExecutor.js";

/** How a graph is run. */
export interface RunOptions {
  readonly device?: Device;
  /** Threads within one operator; by default one for small graphs, all cores for large ones. */
  readonly threads?: number;
  /** Whether every value is checked, to name the operation that first makes a NaN or an infinity. Slow. */
  readonly detectAnomalies?: boolean;
  /**
   * Whether ONNX Runtime keeps the memory of a run for the next one of the same graph, by default true. Without it, graphs that take turns, such as
   * those of many signatures, share the memory of the process: much less in all and a sooner first run, but a single graph that runs again and
   * again gets up to a third slower. On the CPU.
   */
  readonly arena?: boolean;
  /** What runs it: a WebAssembly module of its own, or ONNX Runtime; by default whichever is estimated to be faster. */
  readonly executor?: "wasm" | "onnxruntime";
}

/** A computation made ready to be run. */
export interface Runnable {
  /** The variables whose values a run needs. */
  readonly reads: readonly Variable[];
  /** Those that it writes. */
  readonly writes: readonly Variable[];
  readonly usesRandom: boolean;
  /**
   * Runs it once.
   * @param inputs the elements of the inputs, in their order
   * @param key of the random numbers drawn this time
   */
  run(inputs: readonly TypedArray[], key: readonly [number, number]): readonly Tensor[] | Promise<readonly Tensor[]>;
  release(): Promise<void>;
}

/** A graph made ready: what runs it, and where each input comes from and each output goes. */
export class Plan implements Runnable {
  readonly choice: Choice;
  private readonly executor: Executor;
  readonly usesRandom: boolean;
  readonly reads: readonly Variable[];
  readonly writes: readonly Variable[];

  constructor(
    private readonly computation: Computation,
    private readonly options: RunOptions,
  ) {
    this.choice = choose(computation, options);
    const { binding, executor } = this.choice;
    this.executor = executor;
    this.usesRandom = binding.randoms.some(({ source }) => source.key === undefined);
    this.reads = binding.variables;
    this.writes = binding.updates.map(({ variable }) => variable);
  }

  run(inputs: readonly TypedArray[], key: readonly [number, number]): readonly Tensor[] | Promise<readonly Tensor[]> {
    return this.executor.run(inputs, drawing(key));
  }

  /** The same in ONNX Runtime, whose profiler tells what its parts cost, also where a module runs it. */
  inOnnxRuntime(): OnnxExecutor {
    return this.executor instanceof OnnxExecutor ? this.executor : onnxExecutorOf(this.computation, this.options).executor;
  }

  release(): Promise<void> {
    return this.executor.release();
  }
}

/** Draws the numbers of random leaves in the run of the given key. */
export const drawing =
  (key: readonly [number, number]): Draw =>
  (leaf, into) =>
    draw(into, leaf, leaf.source as RandomSource, key);

/** The numbers of a random leaf in the run of the given key; of several runs, slice by slice those of the keys that follow. */
function draw(numbers: Float32Array<ArrayBuffer>, { shape, size }: Tensor, source: RandomSource, key: readonly [number, number]): void {
  const [seed, counter] = source.key ?? key;
  const count = source.runs ? (shape[0] as number) : 1;
  const each = size / count;
  for (let i = 0; i < count; i++) {
    const [part, own] = [numbers.subarray(i * each, (i + 1) * each), [seed, counter + i] as const];
    if (source.bernoulli) fillBernoulli(part, own, source.stream, source.bernoulli);
    else fillUniform(part, own, source.stream);
  }
}

/** The elements of a data leaf: at once where they are on the host. */
export function elementsOf({ source }: Tensor): TypedArray | Promise<TypedArray> {
  check(source.kind === "data", () => `a ${source.kind} leaf has no value here: was it made in a traced function and used outside it?`);
  return source.storage.host ?? source.storage.read();
}
