import { arrayOf, type TypedArray } from "../graph/dtype.js";
import { sizeOf } from "../graph/shape.js";
import { fromData, type Tensor, type TensorType } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import type { Computation } from "../passes/binding.js";
import type { PartExplanation, RunExplanation, Runnable, RunOptions } from "../runtime/executor.js";
import { ledStep } from "../runtime/ort/onnxruntime.js";
import { pairOf } from "../runtime/ort/pair.js";
import { drawing, Plan } from "../runtime/plan.js";
import { type State, stateOf, toOrt } from "../runtime/state.js";
import { type Built, build, type Divided, type GatheredOutput, isUndivided } from "./build.js";
import { Aborted, footprint, memoryFor, SharedMemory } from "./collectives.js";
import { cut } from "./cut.js";
import { joinParts, partOf } from "./parts.js";
import { ProgramRunner } from "./program.js";
import { close, type Thread, threadOf } from "./threads.js";

let programs = 0;

/** Closes the programs of plans that were collected. */
const forgotten = new FinalizationRegistry<number>((id) => void close(id));

/**
 * A step made by several workers, each on its share of the batch: the calling thread, which leads, and worker threads. What they exchange is added up in
 * shared memory. The leader computes once what depends on the sums only, above all the updates.
 */
export class DataParallelPlan implements Runnable {
  readonly reads: readonly Variable[];
  readonly writes: readonly Variable[];
  readonly usesRandom: boolean;
  private readonly id = programs++;
  private readonly built: Built;
  private readonly outputs: readonly (number | GatheredOutput)[];
  /** What the leader computes after the last exchange; undefined where that is nothing. */
  private readonly final: Plan | undefined;
  /** Which inputs the final computation takes: those that are not divided. */
  private readonly common: readonly boolean[];
  private readonly runner: ProgramRunner;
  private readonly memory: SharedArrayBuffer;
  private readonly collectives: SharedMemory;
  private readonly threads: number;
  /** The values of variables that the workers have. */
  private readonly sent = new Map<Variable, { readonly state: State; readonly version: number }>();

  /**
   * @param local the step traced with a worker's share of the batch
   * @param global the step traced with all of it
   * @param names what errors call the outputs
   * @throws KasaneError naming state and outputs that do not follow from the workers' values
   */
  constructor(
    local: Computation,
    private readonly global: Computation,
    private readonly size: number,
    names: readonly string[],
    options: RunOptions,
  ) {
    // With more than one thread each, workers would compete for cores.
    this.threads = options.threads ?? 1;
    const parts = cut(local, global, size, names);
    this.built = build(parts, local, global, this.threads, options.detectAnomalies ?? false);
    const { program, variables, divided, gathered, sums } = this.built;
    this.outputs = parts.outputs.map((place) => (typeof place === "number" ? place : (gathered.get(place) as GatheredOutput)));
    this.common = local.inputs.map(({ tensor }, i) =>
      isUndivided({ local: tensor, whole: (global.inputs[i] as { tensor: Tensor }).tensor }),
    );
    const common = local.inputs.filter((_, i) => this.common[i]);
    const isEmpty = parts.final.outputs.length === 0 && parts.final.updates.size === 0;
    this.final = isEmpty
      ? undefined
      : new Plan(
          { inputs: [...common, ...sums], ...parts.final },
          {
            ...options,
            threads: this.threads,
            executor: "onnxruntime",
          },
        );
    this.reads = [...new Set([...variables.values(), ...(this.final?.reads ?? [])])];
    this.writes = this.final?.writes ?? [];
    this.usesRandom = this.final?.usesRandom || divided.some(({ local: { source } }) => source.kind === "random" && !source.key);

    const footprintOf = (list: readonly string[]) => footprint(list.map((name) => byteLengthOf(program.types[name] as TensorType)));
    this.memory = new SharedArrayBuffer(
      memoryFor(size, {
        broadcast: footprintOf(program.variables),
        scatter: footprintOf(program.parts),
        allReduce: footprintOf(sums.map(({ name }) => name)),
        gather: footprintOf(program.gathered),
      }),
    );
    this.collectives = new SharedMemory(this.memory, 0, size, false);
    this.runner = new ProgramRunner(program, this.threads, [...sums.map(({ name }) => name), ...program.carried, ...program.gathered]);
    forgotten.register(this, this.id, this);
  }

  run(values: readonly TypedArray[], key: readonly [number, number]): Promise<Tensor[]> {
    return ledStep ? ledStep(() => this.lead(values, key)) : this.lead(values, key);
  }

  private async lead(values: readonly TypedArray[], key: readonly [number, number]): Promise<Tensor[]> {
    const { runner, collectives, size } = this;
    const { variables, divided, gathered, sums } = this.built;
    const ranks = Array.from({ length: size }, (_, rank) => rank);
    const threads = ranks.slice(1).map((rank) => this.open(threadOf(rank), rank));
    const changed = [...variables].filter(([, variable]) => !this.isSent(variable));
    for (const [name, variable] of variables)
      runner.values[name] = stateOf(variable).holder.inPlace ?? (await (await pairOf(variable)).feed(false));
    const scattered = this.divide(values, key);
    divided.forEach(({ name, local }, i) => {
      runner.values[name] = toOrt(scattered[0]?.[i] as TypedArray, local.dtype, local.shape);
    });
    const parts = ranks.map((rank) => [...gathered.values()].map(({ name }) => this.target(name, rank)));

    collectives.begin({ reset: true });
    const names = changed.map(([name]) => name);
    const replies = threads.map((thread) => thread.step(this.id, names));
    // The others would wait for a worker that failed or ended.
    for (const reply of replies) reply.catch(() => collectives.abort());
    try {
      await runner.run(collectives, names, { scattered, gathered: parts });
      for (const [, variable] of changed) this.sent.set(variable, { state: stateOf(variable), version: stateOf(variable).version });
      const taken = [...values.filter((_, i) => this.common[i]), ...sums.map(({ name }) => runner.values[name]?.data as TypedArray)];
      const computed = (await this.final?.run(taken, key)) ?? [];
      return this.outputs.map((place) => (typeof place === "number" ? (computed[place] as Tensor) : this.join(place, parts)));
    } catch (error) {
      collectives.abort();
      this.sent.clear();
      const failures = (await Promise.allSettled(replies)).flatMap((reply) => (reply.status === "rejected" ? [reply.reason] : []));
      throw error instanceof Aborted ? (failures.find((failure) => !(failure instanceof Aborted)) ?? error) : error;
    } finally {
      await Promise.allSettled(replies);
    }
  }

  explain(): RunExplanation {
    const workers = Array.from({ length: this.size }, (_, rank) => rank);
    const phases = this.built.program.phases.map(({ exchanged }, i): PartExplanation => {
      const reason = `each worker computes its share of the batch; values added up over the workers after it: ${exchanged.length}`;
      return { name: `phase ${i + 1}`, workers, executor: "onnxruntime", reason, operators: this.built.operators[i] as number };
    });
    const parts = this.final ? [...phases, { name: "final computation", workers: [0], ...this.final.explain() }] : phases;
    const operators = parts.reduce((sum, part) => sum + part.operators, 0);
    return { executor: "onnxruntime", reason: `${this.size} workers`, operators, parts };
  }

  async release(): Promise<void> {
    forgotten.unregister(this);
    this.sent.clear();
    await close(this.id);
    await this.runner.release();
    await this.final?.release();
  }

  /** Sends the program to a thread that does not have it. */
  private open(thread: Thread, rank: number): Thread {
    if (thread.programs.has(this.id)) return thread;
    const settings = { rank, size: this.size, threads: this.threads };
    thread.post({ type: "open", id: this.id, program: this.built.program, memory: this.memory, settings });
    thread.programs.add(this.id);
    this.sent.clear();
    return thread;
  }

  private isSent(variable: Variable): boolean {
    const sent = this.sent.get(variable);
    return sent !== undefined && sent.state === variable.storage && sent.version === sent.state.version;
  }

  /** For each rank its parts of the inputs and of the draws of the whole batch. */
  private divide(values: readonly TypedArray[], key: readonly [number, number]): TypedArray[][] {
    const wholes = this.built.divided.map(({ whole }) => this.valueOf(whole, values, key));
    return Array.from({ length: this.size }, (_, rank) =>
      this.built.divided.map((each, i) => {
        const data = wholes[i] as TypedArray;
        return isUndivided(each) ? data : partOf(data, each.whole.dtype, outerOf(each), rank, this.size);
      }),
    );
  }

  private valueOf(leaf: Tensor, values: readonly TypedArray[], key: readonly [number, number]): TypedArray {
    if (leaf.source.kind !== "random") return values[this.global.inputs.findIndex(({ tensor }) => tensor === leaf)] as TypedArray;
    const numbers = new Float32Array(leaf.size);
    drawing(key)(leaf, numbers);
    return numbers;
  }

  /** The array for a rank's part of an output. The leader's own part stays where it was computed. */
  private target(name: string, rank: number): TypedArray {
    const { dtype, shape } = this.built.program.types[name] as TensorType;
    return rank === 0 ? (this.runner.values[name]?.data as TypedArray) : new (arrayOf(dtype))(sizeOf(shape));
  }

  private join({ name, outer, whole }: GatheredOutput, parts: readonly (readonly TypedArray[])[]): Tensor {
    const place = this.built.program.gathered.indexOf(name);
    const data = joinParts(
      parts.map((ofRank) => ofRank[place] as TypedArray),
      whole.dtype,
      outer,
    );
    return fromData(data, whole.shape, whole.dtype);
  }
}

/** The product of the sizes before the axis along which a leaf is divided. */
function outerOf({ local, whole }: Divided): number {
  const axis = local.shape.findIndex((size, i) => size !== whole.shape[i]);
  return sizeOf(local.shape.slice(0, axis));
}

const byteLengthOf = ({ dtype, shape }: TensorType): number => sizeOf(shape) * arrayOf(dtype).BYTES_PER_ELEMENT;
