import { arrayOf, type DType, type TypedArray } from "../graph/dtype.js";
import { sizeOf } from "../graph/shape.js";
import { fromStorage, HostStorage, type Storage, type Tensor, type TensorType } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { ort } from "./ort/onnxruntime.js";

/** Where a variable's value is: in host memory, in an executor's own, on a device. */
export interface Holder {
  /** The elements, maybe in the holder's own buffer: at once, or fetched from a device first. */
  elements(): TypedArray | Promise<TypedArray>;
  /** The value as ONNX Runtime can read it where it is, on the host. */
  readonly inPlace?: ort.Tensor | undefined;
  /** Gives back what it keeps, when the value is elsewhere. */
  release?(): void;
}

/** A variable's value, held by whatever computed it last until something else needs it. */
export class State implements Storage {
  /** Counts the values: whoever has a copy of one knows by it whether that is still the value. */
  version = 0;

  constructor(private kept: Holder) {}

  get holder(): Holder {
    return this.kept;
  }

  /** Takes the next value, which `holder` has. */
  advance(holder: Holder): void {
    this.version++;
    this.moveTo(holder);
  }

  /** Leaves the value, of which `holder` has a copy, to that. */
  moveTo(holder: Holder): void {
    if (holder !== this.kept) this.kept.release?.();
    this.kept = holder;
  }

  /** A copy of the elements: the buffers themselves are written to again. */
  async read(): Promise<TypedArray> {
    return (await this.kept.elements()).slice() as TypedArray;
  }
}

/** The state of a variable whose first value was computed. */
export const stateOf = (variable: Variable): State => variable.storage as State;

/** A holder in host memory, of elements that nothing else writes to. */
export const hostHolder = (data: TypedArray): Holder => ({ elements: () => data });

/** An ONNX Runtime tensor over the elements, not copied. */
export const toOrt = (data: TypedArray, dtype: DType, shape: readonly number[]): ort.Tensor =>
  new ort.Tensor(dtype, data as Float32Array, shape as number[]);

/** An ONNX Runtime tensor to be written. */
export const emptyOrt = ({ dtype, shape }: TensorType): ort.Tensor => toOrt(new (arrayOf(dtype))(sizeOf(shape)), dtype, shape);

/** A leaf over what a session returned. */
export function fromOrt(value: ort.Tensor, { dtype, shape }: TensorType): Tensor {
  return fromStorage(new HostStorage(asStored(value.data as TypedArray, dtype)), shape, dtype);
}

/** float16 as its bits, also where the platform has a Float16Array. */
export const asStored = (data: TypedArray, dtype: DType): TypedArray =>
  dtype === "float16" && !(data instanceof Uint16Array) ? new Uint16Array((data as TypedArray).buffer) : data;
