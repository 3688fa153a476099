import type { DType, TypedArray } from "../graph/dtype.js";
import type { Variable } from "../graph/variable.js";
import { download } from "./download.js";
import type { ort } from "./onnxruntime.js";
import { asStored, emptyOrt, type Holder, type State, stateOf, toOrt } from "./state.js";

/**
 * A variable's value as ONNX Runtime has it: the tensor that the next step reads, and one of the same size that it writes.
 * The two change places after the step, so a step never writes what it reads, unless it changes rows in their places.
 */
export class Pair implements Holder {
  private spare: ort.Tensor | undefined;

  constructor(private current: ort.Tensor) {}

  /** What a session reads: at once, or fetched first where it is on a device and the session is not. */
  feed(onDevice: boolean): ort.Tensor | Promise<ort.Tensor> {
    return onDevice || this.current.location === "cpu" ? this.current : this.fetch();
  }

  /** What a session writes the next value into; null where it shall allocate on its device. */
  target(onDevice: boolean): ort.Tensor | null {
    if (onDevice) return null;
    this.spare ??= emptyOrt({ dtype: this.current.type as DType, shape: this.current.dims });
    return this.spare;
  }

  /** Takes the value that a session returned. */
  advance(next: ort.Tensor): void {
    if (next.location === "cpu") this.spare = this.current.location === "cpu" && this.current !== next ? this.current : undefined;
    else this.replace(next);
    this.current = next;
  }

  elements(): TypedArray | Promise<TypedArray> {
    const { current } = this;
    const stored = (tensor: ort.Tensor) => asStored(tensor.data as TypedArray, tensor.type as DType);
    return current.location === "cpu" ? stored(current) : download(current).then(stored);
  }

  release(): void {
    if (this.current.location !== "cpu") this.current.dispose();
  }

  private async fetch(): Promise<ort.Tensor> {
    const data = (await this.elements()).slice() as TypedArray;
    this.replace(toOrt(data, this.current.type as DType, this.current.dims));
    return this.current;
  }

  private replace(next: ort.Tensor): void {
    this.release();
    this.current = next;
    this.spare = undefined;
  }
}

/** The pair that holds a variable's value, which is brought there where something else holds it. */
export function pairOf(variable: Variable): Pair | Promise<Pair> {
  const state = stateOf(variable);
  if (state.holder instanceof Pair) return state.holder;
  const held = state.holder.elements();
  const move = (data: TypedArray) => moved(state, variable, data);
  return held instanceof Promise ? held.then(move) : move(held);
}

function moved(state: State, { dtype, shape }: Variable, data: TypedArray): Pair {
  const pair = new Pair(toOrt(data.slice() as TypedArray, dtype, shape));
  state.moveTo(pair);
  return pair;
}
