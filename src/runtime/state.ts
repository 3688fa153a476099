import { arrayOf, type DType, type TypedArray } from "../graph/dtype.js";
import { sizeOf } from "../graph/shape.js";
import { fromStorage, hostStorage, type Storage, type Tensor, type TensorType } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { download } from "./download.js";
import { ort } from "./onnxruntime.js";

/**
 * A variable's value: the tensor that the next step reads, and one of the same size that it writes.
 * The two change places after the step, so a step never writes what it reads.
 */
export class State implements Storage {
  private spare: ort.Tensor | undefined;
  /** How often it changed. */
  version = 0;

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
    this.version++;
    if (next.location === "cpu") this.spare = this.current.location === "cpu" && this.current !== next ? this.current : undefined;
    else this.replace(next);
    this.current = next;
  }

  /** Writes rows `[n, ...]` over those that `indices` `[n]` names, after a step has read the value. */
  async setRows(indices: ort.Tensor, rows: ort.Tensor): Promise<void> {
    this.version++;
    if (this.current.location !== "cpu") await this.fetch();
    const [data, source] = [this.current.data as TypedArray, rows.data as TypedArray] as [Float32Array, Float32Array];
    const size = indices.size === 0 ? 0 : rows.size / indices.size;
    (indices.data as Int32Array).forEach((index, i) => data.set(source.subarray(i * size, (i + 1) * size), index * size));
  }

  /** A copy of the elements: the buffers themselves are written to again. */
  async read(): Promise<TypedArray> {
    const { data } = (this.current.location === "cpu" ? this.current : await download(this.current)) as { data: TypedArray };
    return asStored(data.slice() as TypedArray, this.current.type as DType);
  }

  private async fetch(): Promise<ort.Tensor> {
    this.replace(toOrt(await this.read(), this.current.type as DType, this.current.dims));
    return this.current;
  }

  private replace(next: ort.Tensor): void {
    if (this.current.location !== "cpu") this.current.dispose();
    this.current = next;
    this.spare = undefined;
  }
}

/** The state of a variable whose first value was computed. */
export const stateOf = (variable: Variable): State => variable.storage as State;

/** An ONNX Runtime tensor over the elements, not copied. */
export const toOrt = (data: TypedArray, dtype: DType, shape: readonly number[]): ort.Tensor =>
  new ort.Tensor(dtype, data as Float32Array, shape as number[]);

/** An ONNX Runtime tensor to be written. */
export const emptyOrt = ({ dtype, shape }: TensorType): ort.Tensor => toOrt(new (arrayOf(dtype))(sizeOf(shape)), dtype, shape);

/** A leaf over what a session returned. */
export function fromOrt(value: ort.Tensor, { dtype, shape }: TensorType): Tensor {
  return fromStorage(hostStorage(asStored(value.data as TypedArray, dtype)), shape, dtype);
}

/** float16 as its bits, also where the platform has a Float16Array. */
const asStored = (data: TypedArray, dtype: DType): TypedArray =>
  dtype === "float16" && !(data instanceof Uint16Array) ? new Uint16Array((data as TypedArray).buffer) : data;

let tail: Promise<unknown> = Promise.resolve();

/** Runs `body` after all that was begun before: steps and assignments see each other's results in the order of the calls. */
export function exclusive<T>(body: () => Promise<T>): Promise<T> {
  const result = tail.then(body);
  tail = result.catch(() => undefined);
  return result;
}
