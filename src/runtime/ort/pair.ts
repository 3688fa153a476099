import type { TypedArray } from "../../graph/dtype.js";
import type { TensorType } from "../../graph/tensor.js";
import type { Variable } from "../../graph/variable.js";
import { asStored, emptyOrt, type Holder, type State, stateOf, toOrt } from "../state.js";
import { download } from "./download.js";
import type { ort } from "./onnxruntime.js";

/**
 * A variable's value as ONNX Runtime has it: the tensor that the next step reads, and one of the same size that it writes, once a step asks for that.
 * The two are swapped after the step, so a step never writes what it reads, except where it changes rows in place.
 */
export class Pair implements Holder {
  private spare: ort.Tensor | undefined;

  /** @param value absent where it will be written before it is read */
  constructor(
    private readonly type: TensorType,
    private value?: ort.Tensor,
  ) {}

  /** What a session reads: at once, or fetched first where it is on a device and the session is not. */
  feed(onDevice: boolean): ort.Tensor | Promise<ort.Tensor> {
    return onDevice || this.current.location === "cpu" ? this.current : this.fetch();
  }

  /** What a session writes the next value into, in host memory. */
  target(): ort.Tensor {
    this.spare ??= emptyOrt(this.type);
    return this.spare;
  }

  /** Takes the value that a session returned. */
  advance(next: ort.Tensor): void {
    if (next.location !== "cpu") this.replace(next);
    // Only what was written into has the value before as its next target: a browser hands out no targets.
    else if (next === this.spare) this.spare = this.value?.location === "cpu" ? this.value : undefined;
    this.value = next;
  }

  elements(): TypedArray | Promise<TypedArray> {
    const { current } = this;
    const stored = (tensor: ort.Tensor) => asStored(tensor.data as TypedArray, this.type.dtype);
    return current.location === "cpu" ? stored(current) : download(current).then(stored);
  }

  release(): void {
    if (this.value && this.value.location !== "cpu") this.value.dispose();
  }

  private get current(): ort.Tensor {
    return this.value as ort.Tensor;
  }

  private async fetch(): Promise<ort.Tensor> {
    const data = (await this.elements()).slice() as TypedArray;
    this.replace(toOrt(data, this.type.dtype, this.type.shape));
    return this.current;
  }

  private replace(next: ort.Tensor): void {
    this.release();
    this.value = next;
    this.spare = undefined;
  }
}

/** The pair that holds a variable's value. The value is copied into one where something else holds it. */
export function pairOf(variable: Variable): Pair | Promise<Pair> {
  const state = stateOf(variable);
  if (state.holder instanceof Pair) return state.holder;
  const held = state.holder.elements();
  const move = (data: TypedArray) => moved(state, variable, data);
  return held instanceof Promise ? held.then(move) : move(held);
}

/** As {@link pairOf}, for a step that writes the next value and does not read the one before, which is then not copied. */
export function pairToWrite(variable: Variable): Pair {
  const { holder } = stateOf(variable);
  return holder instanceof Pair ? holder : new Pair(variable);
}

function moved(state: State, variable: Variable, data: TypedArray): Pair {
  const pair = new Pair(variable, toOrt(data.slice() as TypedArray, variable.dtype, variable.shape));
  state.moveTo(pair);
  return pair;
}
