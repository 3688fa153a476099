import { arrayOf, type DType, type TypedArray } from "../graph/dtype.js";
import { sizeOf } from "../graph/shape.js";
import { fromStorage, HostStorage, type Storage, type Tensor, type TensorType } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { ort } from "./ort/onnxruntime.js";

/** Where a variable's value is: in host memory, in an executor's memory, or on a device. */
export interface Holder {
  /** The elements, maybe in the holder's own buffer. A promise only where they are fetched from a device. */
  elements(): TypedArray | Promise<TypedArray>;
  /** The value as a tensor that ONNX Runtime reads without a copy; undefined where there is none. */
  readonly inPlace?: ort.Tensor | undefined;
  /** Frees its memory, once another holder has the value. */
  release?(): void;
}

/** A variable's value. The executor that computed it last holds it until another one needs it. */
export class State implements Storage {
  /** The number of values so far. An executor compares it to know whether its copy is still the value. */
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

  /** Makes `holder`, which has a copy of the value, its holder. */
  moveTo(holder: Holder): void {
    if (holder !== this.kept) this.kept.release?.();
    this.kept = holder;
  }

  /** A copy of the elements, since the buffers are written to again. */
  read(): TypedArray | Promise<TypedArray> {
    const elements = this.kept.elements();
    return elements instanceof Promise ? elements.then(copied) : copied(elements);
  }
}

const copied = (elements: TypedArray): TypedArray => elements.slice() as TypedArray;

/** The state of a variable whose first value was computed. */
export const stateOf = (variable: Variable): State => variable.storage as State;

/** A holder of an array that nothing else writes to. */
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
