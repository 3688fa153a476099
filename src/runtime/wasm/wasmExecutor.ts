import { compileModule } from "../../assembly/webAssembly.js";
import type { TypedArray } from "../../graph/dtype.js";
import { check } from "../../graph/error.js";
import { fromStorage, HostStorage, type Tensor } from "../../graph/tensor.js";
import type { Variable } from "../../graph/variable.js";
import type { Binding } from "../../passes/binding.js";
import { type GraphModule, graphModule, type Place } from "../../wasm/module.js";
import type { Draw, Executor, SynchronousRun } from "../executor.js";
import { runtime } from "../runtime.js";
import { instantiateGraph, put, type Slot, slotAt, taken, VariableSlot } from "./slots.js";

/** At most so many modules have their memory: an engine reserves gigabytes of addresses for each. */
const capacity = 32;

/** A module that runs, and where it reads and writes. */
interface Running {
  readonly run: () => void;
  readonly inputs: readonly Slot[];
  readonly randoms: readonly Slot[];
  readonly variables: readonly VariableSlot[];
  readonly updated: readonly VariableSlot[];
  readonly outputs: readonly Slot[];
}

/** Runs a graph as one WebAssembly module of our own. */
export class WasmExecutor implements Executor {
  readonly module: GraphModule;
  private compiled: object | undefined;
  private instance: Running | undefined;
  /** Whether somebody has the instance's arrays. */
  private isHeld = false;
  private readonly changed: readonly Variable[];

  /** @throws Unsupported where the graph holds what a module has no code for */
  constructor(private readonly binding: Binding) {
    const { inputs, randoms, variables, outputs, updates } = binding;
    this.changed = [...new Set([...variables, ...updates.map(({ variable }) => variable)])];
    const nexts = new Map(updates.map(({ variable, next }) => [variable, next]));
    this.module = graphModule(
      [
        ...inputs.map(({ tensor }) => ({ tensor, isState: false })),
        ...randoms.map(({ leaf }) => ({ tensor: leaf, isState: false })),
        ...this.changed.map((variable) => ({ tensor: variable, isState: true, next: nexts.get(variable) })),
      ],
      outputs,
    );
  }

  run(values: readonly TypedArray[], draw: Draw): readonly Tensor[] | Promise<readonly Tensor[]> {
    const instance = this.start();
    const waiting: Promise<void>[] = [];
    for (const slot of instance.variables) {
      const fetched = slot.update();
      if (fetched) waiting.push(fetched);
    }
    return waiting.length === 0
      ? this.finish(instance, values, draw)
      : Promise.all(waiting).then(() => this.finish(instance, values, draw));
  }

  synchronous(): SynchronousRun {
    const instance = this.start();
    this.isHeld = true;
    runtime.modules.delete(this);
    const { variables, outputs } = instance;
    // A module's booleans are integers.
    const results = outputs.map((slot) => taken(slot));
    return {
      outputs: results,
      run: (values, draw) => {
        check(this.instance === instance, () => "synchronous: the compiled function was disposed of: make the call ready anew");
        for (const slot of variables) {
          check(!slot.update(), () => `synchronous: the value of ${slot.tensor.name} is not in host memory: await its data() first`);
        }
        this.compute(instance, values, draw);
        for (let i = 0; i < outputs.length; i++) {
          const { array } = outputs[i] as Slot;
          const result = results[i] as TypedArray;
          if (result !== array) for (let j = 0; j < result.length; j++) result[j] = (array[j] as number) & 1;
        }
      },
    };
  }

  async release(): Promise<void> {
    this.isHeld = false;
    runtime.modules.delete(this);
    for (const slot of this.instance?.variables ?? []) slot.vacate();
    this.instance = undefined;
  }

  private compute({ run, inputs, randoms, updated }: Running, values: readonly TypedArray[], draw: Draw): void {
    for (let i = 0; i < inputs.length; i++) put(inputs[i] as Slot, values[i] as TypedArray);
    for (const { tensor, array } of randoms) draw(tensor, array as Float32Array<ArrayBuffer>);
    run();
    for (const slot of updated) slot.advance();
  }

  private finish(instance: Running, values: readonly TypedArray[], draw: Draw): readonly Tensor[] {
    this.compute(instance, values, draw);
    return instance.outputs.map((slot) => {
      const { dtype, shape } = slot.tensor;
      const data = taken(slot);
      return fromStorage(new HostStorage(data === slot.array ? (data.slice() as TypedArray) : data), shape, dtype);
    });
  }

  /** Makes it ready to run. Throws where the engine refuses the module or its memory. */
  start(): Running {
    const { modules } = runtime;
    if (this.instance && (this.isHeld || modules.size <= capacity)) return this.instance;
    this.instance ??= this.instantiate();
    modules.delete(this);
    modules.add(this);
    if (modules.size > capacity) {
      const [oldest] = modules;
      void oldest?.release();
    }
    return this.instance;
  }

  private instantiate(): Running {
    this.compiled ??= compileModule(this.module.bytes);
    const { memory, run } = instantiateGraph(this.compiled, this.module);
    const { leaves, outputs } = this.module;
    const slotOf = (place: Place) => slotAt(memory, place);
    const { inputs, randoms, updates } = this.binding;
    const given = inputs.length + randoms.length;
    const variables = leaves.slice(given).map((place) => new VariableSlot(place.tensor as Variable, memory, place));
    const updatedVariables = new Set<Tensor>(updates.map(({ variable }) => variable));
    return {
      run,
      inputs: leaves.slice(0, inputs.length).map(slotOf),
      randoms: leaves.slice(inputs.length, given).map(slotOf),
      variables,
      updated: variables.filter(({ tensor }) => updatedVariables.has(tensor)),
      outputs: outputs.map(slotOf),
    };
  }
}
