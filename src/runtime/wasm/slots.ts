import { instantiate, type Memory } from "../../assembly/webAssembly.js";
import type { TypedArray } from "../../graph/dtype.js";
import { KasaneError } from "../../graph/error.js";
import type { Tensor } from "../../graph/tensor.js";
import type { Variable } from "../../graph/variable.js";
import { numbers } from "../../ops/algebra.js";
import type { GraphModule, Place } from "../../wasm/module.js";
import type { ort } from "../ort/onnxruntime.js";
import { type Holder, hostHolder, type State, stateOf, toOrt } from "../state.js";

/** A place in a module's memory. */
export interface Slot {
  readonly tensor: Tensor;
  readonly array: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
}

/** A variable's place in a module's memory, which knows whose value it has a copy of. */
export class VariableSlot implements Slot, Holder {
  private state: State | undefined;
  private version = 0;
  readonly array: Slot["array"];
  readonly inPlace: ort.Tensor | undefined;

  constructor(
    readonly tensor: Variable,
    memory: Memory,
    place: Place,
  ) {
    this.array = arrayAt(memory, place);
    this.inPlace = tensor.dtype === "bool" ? undefined : toOrt(this.array, tensor.dtype, tensor.shape);
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

/** A slot at a place of a module. */
export const slotAt = (memory: Memory, place: Place): Slot => ({ tensor: place.tensor, array: arrayAt(memory, place) });

function arrayAt({ buffer }: Memory, { address, tensor }: Place): Slot["array"] {
  const array = tensor.dtype === "float32" ? Float32Array : Int32Array;
  return new array(buffer, address, tensor.size);
}

/** The elements of a place as tensors have them: its own array, or a copy of booleans, which are all ones there. */
export const taken = ({ tensor, array }: Slot): TypedArray => (tensor.dtype === "bool" ? Uint8Array.from(array, (x) => x & 1) : array);

/** Up to so many elements are copied faster one by one than by a call. */
const few = 16;

/** Writes elements to a place. */
export function put({ tensor, array }: Slot, data: TypedArray): void {
  if (tensor.dtype === "bool") for (let i = 0; i < array.length; i++) array[i] = -Number(data[i] !== 0);
  else if (array.length > few) array.set(data as Float32Array);
  else for (let i = 0; i < array.length; i++) array[i] = data[i] as number;
}

/** An instance of a graph's module, which was compiled. */
export function instantiateGraph(compiled: object, { failures }: GraphModule): ReturnType<typeof instantiate> {
  const fail = (number: number, index: number) => {
    throw new KasaneError(`${failures[number]?.(index)}: the variables keep the values they had before the step`);
  };
  return instantiate(compiled, { pow: numbers.pow, remainder: numbers.remainder, sin: Math.sin, cos: Math.cos, fail });
}
