import { check, KasaneError } from "./error.js";

/** The element types of tensors, in promotion order: of two operands the later one's type is the result's. */
export const dtypes = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"] as const;

/** The element type of a tensor. */
export type DType = (typeof dtypes)[number];

/** The host arrays that hold tensors' elements; bool is held as 0 and 1, float16 as its bits. */
export type TypedArray =
  | Uint8Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

interface ArrayConstructor {
  new (length: number): TypedArray;
  /** A copy of the elements. */
  new (elements: TypedArray): TypedArray;
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
}

const arrays: Record<DType, ArrayConstructor> = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** Throws unless `dtype` is one. */
export function checkDtype(dtype: DType): void {
  check(dtypes.includes(dtype), () => `the dtype ${JSON.stringify(dtype)}: expected one of ${dtypes.join(", ")}`);
}

/** The constructor of the host array that holds elements of `dtype`. */
export function arrayOf(dtype: DType): ArrayConstructor {
  checkDtype(dtype);
  return arrays[dtype];
}

/** Whether `dtype` is a floating-point type, the only ones through which gradients flow. */
export const isFloat = (dtype: DType): boolean => dtype.startsWith("float");

/** The type of the result when operands of types `a` and `b` meet: the later of the two in {@link dtypes}. */
export const promote = (a: DType, b: DType): DType => (dtypes.indexOf(a) >= dtypes.indexOf(b) ? a : b);

/** The dtype that a host array has unless told otherwise. */
export function dtypeOf(array: TypedArray): DType {
  for (const dtype of ["float32", "int32", "float64", "int64", "uint8", "int8"] as const) {
    if (array instanceof arrays[dtype]) return dtype;
  }
  throw new KasaneError(`a ${array.constructor.name} needs its dtype named, for example { dtype: "float16" }`);
}

/** The least and the greatest integer between which `dtype`, and a JavaScript number, holds every integer; booleans are made of any. */
export function exactIntegers(dtype: DType): readonly [least: number, greatest: number] {
  const bits = { bool: 53, uint8: 8, int8: 7, int32: 31, int64: 53, float16: 11, float32: 24, float64: 53 }[dtype];
  const greatest = 2 ** bits - (isFloat(dtype) ? 0 : 1);
  return [dtype === "uint8" ? 0 : dtype === "int8" || dtype === "int32" ? -greatest - 1 : -greatest, greatest];
}

const scratch = new DataView(new ArrayBuffer(8));

/** The bits of the float16 nearest to `value`, ties to even (IEEE 754). */
export function toFloat16(value: number): number {
  scratch.setFloat64(0, value);
  const sign = (scratch.getUint8(0) & 0x80) << 8;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  // Below 2^-14 the numbers are evenly spaced, 2^-24 apart.
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude));
  const step = 2 ** (exponent - 10);
  const scaled = magnitude / step;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // A mantissa that rounds up to 2048 carries into the exponent by itself.
  return sign | (magnitude < 2 ** -14 ? rounded : rounded - 1024 + ((exponent + 15) << 10));
}

/** The number that the bits of a float16 stand for. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15));
}

/** The greatest number of the floating-point type `dtype` that is below `value`. */
export function below(value: number, dtype: DType): number {
  const held = convert([value], dtype);
  const nearest = Number(elementAt(held, 0, dtype));
  if (nearest < value) return nearest;
  if (nearest === 0) return dtype === "float64" ? -(2 ** -1074) : dtype === "float32" ? -(2 ** -149) : -(2 ** -24);
  // Of one sign, numbers are in the order of their bits as integers.
  const bits = dtype === "float64" ? new BigInt64Array(held.buffer) : dtype === "float32" ? new Int32Array(held.buffer) : held;
  bits.set([typeof bits[0] === "bigint" ? bits[0] - BigInt(Math.sign(nearest)) : (bits[0] as number) - Math.sign(nearest)] as never);
  return Number(elementAt(held, 0, dtype));
}

/** Copies `values` into a new host array of `dtype`, converting each element as a cast would. */
export function convert(values: ArrayLike<number | bigint | boolean>, dtype: DType): TypedArray {
  const result = new (arrayOf(dtype))(values.length);
  if (result instanceof BigInt64Array) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      check(typeof value !== "number" || Number.isInteger(value), () => `${value} is not an integer: int64 holds integers`);
      result[i] = BigInt(value as number);
    }
  } else if (dtype === "float16") {
    for (let i = 0; i < values.length; i++) result[i] = toFloat16(Number(values[i]));
  } else if (dtype === "bool") {
    for (let i = 0; i < values.length; i++) result[i] = values[i] || Number.isNaN(values[i]) ? 1 : 0;
  } else {
    for (let i = 0; i < values.length; i++) result[i] = Number(values[i]);
  }
  return result;
}

/** One element of a host array as the number, bigint (int64) or boolean that it stands for. */
export function elementAt(data: TypedArray, index: number, dtype: DType): number | bigint | boolean {
  const value = data[index] as number | bigint;
  if (dtype === "bool") return value !== 0;
  return dtype === "float16" ? fromFloat16(value as number) : value;
}
