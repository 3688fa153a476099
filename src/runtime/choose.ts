import { KasaneError } from "../graph/error.js";
import { Unsupported } from "../wasm/algebra.js";
import { target } from "../wasm/scope.js";
import { type Binding, bind, type Computation } from "./binding.js";
import { type Estimate, estimate, operatorsIn } from "./estimate.js";
import type { Executor } from "./executor.js";
import { ModuleExecutor } from "./moduleExecutor.js";
import { OnnxExecutor } from "./onnxExecutor.js";
import type { RunOptions } from "./plan.js";
import { threadsSet } from "./threads.js";

/** What runs a graph, and why. */
export interface Choice {
  readonly kind: "wasm" | "onnxruntime";
  readonly reason: string;
  readonly binding: Binding;
  readonly executor: Executor;
  /** How many operators the prepared graph has; those within a loop count once. */
  readonly operators: number;
  /** What the module's memory plan takes up, in bytes. */
  readonly memory?: number;
}

/** ONNX Runtime's executor of a computation. A GPU has its variables to itself: there they are written as a whole. */
export function onnxExecutorOf(
  computation: Computation,
  { device = "cpu", threads = threadsSet(), detectAnomalies }: RunOptions,
): OnnxExecutor {
  const onDevice = device !== "cpu" && device !== "wasm";
  return new OnnxExecutor(bind(computation, { device, threads }, !onDevice), { device, threads, detectAnomalies });
}

/** Chooses what runs a computation: the faster by the {@link estimate}, of those that can. */
export function choose(computation: Computation, options: RunOptions): Choice {
  const { device = "cpu", detectAnomalies, executor } = options;
  const byOnnx = (reason: string): Choice => {
    const session = onnxExecutorOf(computation, options);
    const { binding } = session;
    return { kind: "onnxruntime", reason, binding, operators: operatorsIn(binding.results), executor: session };
  };
  if (executor === "onnxruntime") return byOnnx('executor: "onnxruntime"');
  const isForced = executor === "wasm";
  const refusal = detectAnomalies
    ? "detectAnomalies: every value is checked, as ONNX Runtime alone gives them out"
    : device !== "cpu"
      ? `device "${device}"`
      : undefined;
  if (refusal && isForced) throw new KasaneError(`executor "wasm": ${refusal}: leave executor out`);
  if (refusal) return byOnnx(refusal);
  try {
    const binding = bind(computation, target, false);
    const cost = estimate(binding.results);
    if (!isForced && !cost.isModuleFaster) return byOnnx(describe(cost));
    const module = new ModuleExecutor(binding);
    return {
      kind: "wasm",
      reason: isForced ? 'executor: "wasm"' : describe(cost),
      binding,
      executor: module,
      operators: operatorsIn(binding.results),
      memory: module.module.memory,
    };
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    if (isForced)
      throw new KasaneError(`executor "wasm": it has no code for ${error.message}: leave executor out, and ONNX Runtime takes the graph`);
    return byOnnx(`the module has no code for ${error.message}`);
  }
}

const describe = ({ module, onnxruntime, nodes, multiplications, elements }: Estimate): string =>
  `estimated at ${module.toPrecision(2)} µs as a module and ${onnxruntime.toPrecision(2)} µs in ONNX Runtime ` +
  `(${nodes} operators run, ${multiplications} multiplications in products, ${elements} other elements)`;
