import type { TypedArray } from "../graph/dtype.js";
import type { Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import type { LayoutDecision } from "../passes/blocked/index.js";
import type { Estimate } from "./estimate.js";
import type { OffDevice } from "./offDevice.js";
import type { Device } from "./ort/devices.js";

/** How a graph is run. */
export interface RunOptions {
  readonly device?: Device;
  /** Threads within one operator; by default one for small graphs, all cores for large ones. */
  readonly threads?: number;
  /** Whether every value is checked, to name the operation that first makes a NaN or an infinity. Slow. */
  readonly detectAnomalies?: boolean;
  /**
   * Whether ONNX Runtime keeps the memory of a run for the next one of the same graph, by default true. Without it, graphs that run alternately, such as
   * those of many signatures, share the memory of the process: much less in all and a sooner first run, but a single graph that runs again and
   * again gets up to a third slower. On the CPU.
   */
  readonly arena?: boolean;
  /**
   * Whether convolutions may run on images whose channels lie in blocks, where this machine has kernels for that, by default true. The results are the
   * same within rounding.
   */
  readonly channelBlocks?: boolean;
  /** What runs it: a WebAssembly module of its own, or ONNX Runtime; by default whichever is estimated to be faster. */
  readonly executor?: "wasm" | "onnxruntime";
}

/** What runs a graph. */
export interface Executor {
  /**
   * Runs it once, and moves the variables that it updates on.
   * @param inputs the elements of the inputs
   * @param draw fills an array with the numbers of a random leaf
   * @returns the outputs
   */
  run(inputs: readonly TypedArray[], draw: Draw): readonly Tensor[] | Promise<readonly Tensor[]>;
  /** Runs without promises; absent where there are none. It keeps what it holds until it is released. */
  synchronous?(): SynchronousRun;
  /** Gives back what it holds; a later run takes it again. */
  release(): Promise<void>;
  /**
   * Times runs with and without ONNX Runtime's profiler, which writes a file whose name begins with `recordTo`. The variables keep their values.
   * Absent where ONNX Runtime does not run the graph.
   */
  profile?(inputs: readonly TypedArray[], draw: Draw, recordTo: string): Promise<Measurement>;
}

/** The times of runs, in microseconds. */
export interface Measurement {
  readonly plain: readonly number[];
  /** With the profiler on. */
  readonly profiled: readonly number[];
  /** The part of these that the module takes that changes the variables, and its module path; undefined where there is none. */
  readonly update?: { readonly path: string; readonly times: readonly number[] };
}

/** How a graph is run without promises. */
export interface SynchronousRun {
  /** The elements of the outputs. Each run writes over them. */
  readonly outputs: readonly TypedArray[];
  /** Runs it once, as {@link Executor.run} does. */
  run(inputs: readonly TypedArray[], draw: Draw): void;
}

/** Fills an array with the numbers of a random leaf. */
export type Draw = (leaf: Tensor, into: Float32Array<ArrayBuffer>) => void;

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
  /** As {@link Executor.synchronous}. */
  synchronous?(): SynchronousRun | undefined;
  release(): Promise<void>;
  /** What runs it, and why. */
  explain(): RunExplanation;
  /** Times runs of it, as {@link Executor.profile} does; absent where that cannot be done. */
  profile?(inputs: readonly TypedArray[], recordTo: string): Promise<Measurement>;
}

/** What runs a graph, and why. */
export interface RunExplanation {
  /** A WebAssembly module of its own, or ONNX Runtime. */
  readonly executor: "wasm" | "onnxruntime";
  readonly reason: string;
  /** What both were estimated to cost; undefined where a module was ruled out. */
  readonly estimate?: Estimate;
  /** The layouts that convolutions and their gradients are computed in, and why; absent where there are none. */
  readonly convolutions?: readonly LayoutDecision[];
  /** On a GPU, what keeps a run from staying there; absent where nothing does. */
  readonly offDevice?: readonly OffDevice[];
  /** How many operators the prepared graph has; those within a loop count once. */
  readonly operators: number;
  /** Bytes that a module's memory plan takes up, constants and variables included; ONNX Runtime plans its own. */
  readonly memory?: number;
  /** With several workers: what each part of the step is, and where it runs. */
  readonly parts?: readonly PartExplanation[];
}

/** What runs a part of a step that several workers make. */
export interface PartExplanation extends RunExplanation {
  readonly name: string;
  /** The workers that run it, each its share of the batch: 0 is the calling thread, the others are worker threads. */
  readonly workers: readonly number[];
}
