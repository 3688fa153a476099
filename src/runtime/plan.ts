import type { TypedArray } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import type { RandomSource, Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import type { Computation } from "../passes/binding.js";
import { fillBernoulli } from "../random/bernoulli.js";
import { fillUniform } from "../random/uniform.js";
import type { Draw, Executor, Measurement, RunExplanation, Runnable, RunOptions, SynchronousRun } from "./executor.js";
import { onnxExecutorOf, selectExecutor } from "./selectExecutor.js";

/** A computation with the executor that runs it. */
export class Plan implements Runnable {
  private readonly explanation: RunExplanation;
  private readonly executor: Executor;
  readonly usesRandom: boolean;
  readonly reads: readonly Variable[];
  readonly writes: readonly Variable[];

  constructor(
    private readonly computation: Computation,
    private readonly options: RunOptions,
  ) {
    const { binding, executor, explanation } = selectExecutor(computation, options);
    this.explanation = explanation;
    this.executor = executor;
    this.usesRandom = binding.randoms.some(({ source }) => source.key === undefined);
    this.reads = binding.variables;
    this.writes = binding.updates.map(({ variable }) => variable);
  }

  run(inputs: readonly TypedArray[], key: readonly [number, number]): readonly Tensor[] | Promise<readonly Tensor[]> {
    return this.executor.run(inputs, drawing(key));
  }

  synchronous(): SynchronousRun | undefined {
    return this.executor.synchronous?.();
  }

  explain(): RunExplanation {
    return this.explanation;
  }

  /** A graph that a module runs is profiled as ONNX Runtime would run it. */
  async profile(inputs: readonly TypedArray[], recordTo: string): Promise<Measurement> {
    const draw = drawing([0, 0]);
    if (this.executor.profile) return this.executor.profile(inputs, draw, recordTo);
    const { executor } = onnxExecutorOf(this.computation, this.options);
    try {
      return await executor.profile(inputs, draw, recordTo);
    } finally {
      await executor.release();
    }
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

/** The numbers of a random leaf in the run of the given key. Of several runs, each slice has the next key. */
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

/** The elements of a data leaf. A promise only where they are not in host memory. */
export function elementsOf({ source }: Tensor): TypedArray | Promise<TypedArray> {
  check(source.kind === "data", () => `a ${source.kind} leaf has no value here: was it made in a traced function and used outside it?`);
  return source.storage.host ?? source.storage.read();
}
