import { KasaneError } from "../graph/error.js";
import { totalSize } from "../graph/tensor.js";
import { type Binding, bind, type Computation } from "../passes/binding.js";
import type { LayoutDecision } from "../passes/blocked/index.js";
import { cutUpdate } from "../passes/cutUpdate.js";
import { changedInPlace } from "../passes/inPlace.js";
import { Unsupported } from "../wasm/algebra.js";
import { target } from "../wasm/scope.js";
import { type Estimate, estimate, hasOtherKernels, operatorsIn } from "./estimate.js";
import type { Executor, RunExplanation, RunOptions } from "./executor.js";
import { offDevice } from "./offDevice.js";
import { runsBeforeConstants } from "./ort/constants.js";
import { targetFor } from "./ort/devices.js";
import { OnnxExecutor } from "./ort/ortExecutor.js";
import { threadsFor } from "./threads.js";
import { Update } from "./wasm/update.js";
import { WasmExecutor } from "./wasm/wasmExecutor.js";

/** Planning a module of more operators takes from seconds to minutes; ONNX Runtime opens a session of them sooner. */
const mostOperators = 4096;

/** The executor of a graph, and why it was selected. */
export interface Selection {
  readonly binding: Binding;
  readonly executor: Executor;
  readonly explanation: RunExplanation;
}

/**
 * ONNX Runtime's executor of a computation. On the CPU, elementwise changes of variables are a module: it reads and writes each element once, ONNX
 * Runtime does so at every operator.
 */
export function onnxExecutorOf(
  computation: Computation,
  {
    device = "cpu",
    threads = threadsFor([...computation.outputs, ...computation.updates.values()]),
    detectAnomalies,
    arena,
    channelBlocks,
  }: RunOptions,
): { readonly binding: Binding; readonly executor: OnnxExecutor; readonly convolutions: readonly LayoutDecision[] } {
  const convolutions: LayoutDecision[] = [];
  const binding = bind(computation, targetFor(device, threads, channelBlocks), (decision) => convolutions.push(decision));
  const settings = { device, threads, detectAnomalies, arena, constantsAfter: runsBeforeConstants(binding) };
  const cut = device === "cpu" && !detectAnomalies ? cutUpdate(binding) : undefined;
  // Of a step that is nothing but updates no model would be left.
  const update = cut && cut.binding.results.length > 0 ? Update.of(cut) : undefined;
  return { binding, executor: new OnnxExecutor(update && cut ? cut.binding : binding, settings, update), convolutions };
}

/** Selects the executor of a computation: of those that can run it, the faster by the {@link estimate}. */
export function selectExecutor(computation: Computation, options: RunOptions): Selection {
  const { device = "cpu", detectAnomalies, executor } = options;
  const byOnnx = (reason: string, cost?: Estimate): Selection => {
    const { convolutions, ...made } = onnxExecutorOf(computation, options);
    const { update, constants } = made.executor;
    const after = update ? `; then a module changes ${update.changes} variables in their places` : "";
    const later = constants ? `; variables are constants of the model after ${constants.after} runs with the same values` : "";
    const operators = operatorsIn(made.binding.results);
    const memory = update?.module.memory;
    const off = device === "cpu" ? [] : offDevice(made.binding.results, targetFor(device));
    return {
      ...made,
      explanation: {
        executor: "onnxruntime",
        reason: `${reason}${after}${later}`,
        ...(cost && { estimate: cost }),
        ...(convolutions.length > 0 && { convolutions }),
        ...(off.length > 0 && { offDevice: off }),
        operators,
        ...(memory !== undefined && { memory }),
      },
    };
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
    const binding = bind(computation, target);
    const cost = costOf(computation, binding, totalSize(changedInPlace(binding)), options);
    if (!isForced && !cost.isWasmFaster) return byOnnx(describe(cost), cost);
    const operators = operatorsIn(binding.results);
    if (operators > mostOperators)
      throw new Unsupported(`${operators} operators in one graph (${mostOperators} at most: write long loops with scan)`);
    const made = new WasmExecutor(binding);
    // The engine may refuse the module or its memory, so it is started here.
    made.start();
    const reason = isForced ? 'executor: "wasm"' : describe(cost);
    const { memory } = made.module;
    return { binding, executor: made, explanation: { executor: "wasm", reason, estimate: cost, operators, memory } };
  } catch (error) {
    // A module may lack code for an operator, or have too many operators or too much memory. ONNX Runtime then takes the graph.
    const obstacle =
      error instanceof Unsupported ? `has no code for ${error.message}` : `cannot run this graph (${(error as Error).message})`;
    if (isForced) throw new KasaneError(`executor "wasm": it ${obstacle}: leave executor out, and ONNX Runtime takes the graph`);
    return byOnnx(`the module ${obstacle}`);
  }
}

/** What a computation, bound for a module, costs there and in ONNX Runtime, which need not write `spared` elements. */
function costOf(computation: Computation, { results }: Binding, spared: number, { threads = 1, channelBlocks }: RunOptions): Estimate {
  const cost = estimate(results, spared);
  if (!cost.isWasmFaster || !hasOtherKernels([...computation.outputs, ...computation.updates.values()])) return cost;
  return estimate(results, spared, bind(computation, targetFor("cpu", threads, channelBlocks)).results);
}

const describe = ({ wasm, onnxruntime, nodes, multiplications, elements }: Estimate): string =>
  `estimated at ${wasm.toPrecision(2)} µs as a module and ${onnxruntime.toPrecision(2)} µs in ONNX Runtime ` +
  `(${nodes} operators run, ${multiplications} multiplications in products, ${elements} other elements)`;
