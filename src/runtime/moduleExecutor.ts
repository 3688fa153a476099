import type { TypedArray } from "../graph/dtype.js";
import { KasaneError } from "../graph/error.js";
import { fromStorage, hostStorage, type Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { type GraphModule, graphModule, type Place } from "../wasm/module.js";
import type { Binding } from "./binding.js";
import type { Draw, Executor } from "./executor.js";
import { type Holder, hostHolder, type State, stateOf } from "./state.js";

/** What we use of WebAssembly, which TypeScript declares for browsers alone. */
interface Memory {
  readonly buffer: ArrayBuffer;
}
const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { readonly exports: unknown };
}

/** At most so many modules have their memory at a time: an engine reserves gigabytes of addresses for each. */
const capacity = 32;
const open = new Set<ModuleExecutor>();

/** A place in a module's memory. */
interface Slot {
  readonly tensor: Tensor;
  readonly array: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
}

/** A variable's place in a module's memory, which knows whose value it has a copy of. */
class VariableSlot implements Slot, Holder {
  private state: State | undefined;
  private version = 0;
  readonly array: Slot["array"];

  constructor(
    readonly tensor: Variable,
    memory: Memory,
    place: Place,
  ) {
    this.array = arrayAt(memory, place);
  }

  elements(): TypedArray {
    return taken(this);
  }

  /** Fetches the value where it is another than the one here. */
  update(): undefined | Promise<void> {
    const state = stateOf(this.tensor);
    if (state === this.state && state.version === this.version) return undefined;
    const data = state.holder.elements();
    if (data instanceof Promise) return data.then((elements) => this.take(state, elements));
    this.take(state, data);
    return undefined;
  }

  /** Tells the variable that its next value is here. */
  advance(): void {
    const state = stateOf(this.tensor);
    state.advance(this);
    this.state = state;
    this.version = state.version;
  }

  /** Leaves the value to a copy in host memory, where it is here alone. */
  vacate(): void {
    if (this.state?.holder === this) this.state.moveTo(hostHolder(this.elements().slice() as TypedArray));
  }

  private take(state: State, data: TypedArray): void {
    put(this, data);
    this.state = state;
    this.version = state.version;
  }
}

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
export class ModuleExecutor implements Executor {
  readonly module: GraphModule;
  private compiled: object | undefined;
  private instance: Running | undefined;
  private readonly changed: readonly Variable[];

  /** @throws Unsupported where the graph holds what a module has no code for */
  constructor(private readonly binding: Binding) {
    const { inputs, randoms, variables, outputs, updates } = binding;
    this.changed = [...new Set([...variables, ...updates.map(({ variable }) => variable)])];
    const nexts = new Map(updates.map(({ variable, next }) => [variable, next[0]]));
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

  async release(): Promise<void> {
    open.delete(this);
    for (const slot of this.instance?.variables ?? []) slot.vacate();
    this.instance = undefined;
  }

  private finish({ run, inputs, randoms, updated, outputs }: Running, values: readonly TypedArray[], draw: Draw): readonly Tensor[] {
    for (let i = 0; i < inputs.length; i++) put(inputs[i] as Slot, values[i] as TypedArray);
    for (const { tensor, array } of randoms) draw(tensor, array as Float32Array<ArrayBuffer>);
    run();
    for (const slot of updated) slot.advance();
    return outputs.map((slot) => {
      const { tensor } = slot;
      const data = taken(slot);
      return fromStorage(hostStorage(data === slot.array ? (data.slice() as TypedArray) : data), tensor.shape, tensor.dtype);
    });
  }

  private start(): Running {
    if (this.instance && open.size <= capacity) return this.instance;
    this.instance ??= this.instantiate();
    open.delete(this);
    open.add(this);
    if (open.size > capacity) {
      const [oldest] = open;
      void oldest?.release();
    }
    return this.instance;
  }

  private instantiate(): Running {
    this.compiled ??= new Module(this.module.bytes);
    const { failures } = this.module;
    const fail = (number: number, index: number) => {
      throw new KasaneError(`${failures[number]?.(index)}: the variables keep the values they had before the step`);
    };
    const { exports } = new Instance(this.compiled, { kasane: { pow: Math.pow, fail } });
    const { memory, run } = exports as { memory: Memory; run: () => void };
    const { leaves, outputs } = this.module;
    const slotOf = (place: Place): Slot => ({ tensor: place.tensor, array: arrayAt(memory, place) });
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

function arrayAt({ buffer }: Memory, { address, tensor }: Place): Slot["array"] {
  const array = tensor.dtype === "float32" ? Float32Array : Int32Array;
  return new array(buffer, address, tensor.size);
}

/** The elements of a place as tensors have them: its own array, or a copy where truths are all ones there. */
const taken = ({ tensor, array }: Slot): TypedArray => (tensor.dtype === "bool" ? Uint8Array.from(array, (x) => x & 1) : array);

function put({ tensor, array }: Slot, data: TypedArray): void {
  if (tensor.dtype === "bool") for (let i = 0; i < array.length; i++) array[i] = -Number(data[i] !== 0);
  else array.set(data as Float32Array);
}
