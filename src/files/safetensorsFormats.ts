import { arrayOf, type DType, type TypedArray } from "../graph/dtype.js";
import { check } from "../graph/error.js";

/** A type of the safetensors format: its elements lie little-endian, row-major. */
interface Format {
  /** The type that it is read as: the smallest of ours that holds all its values. */
  readonly dtype: DType;
  readonly bytes: number;
  /** Makes elements of `dtype`, where these are not the bytes themselves. */
  readonly convert?: (buffer: ArrayBuffer, label: string) => TypedArray;
}

/** The types that can be read, by the names that the format gives them. */
export const formats: ReadonlyMap<string, Format> = new Map<string, Format>([
  ["BOOL", { dtype: "bool", bytes: 1, convert: checkedBooleans }],
  ["U8", { dtype: "uint8", bytes: 1 }],
  ["I8", { dtype: "int8", bytes: 1 }],
  ["I16", { dtype: "int32", bytes: 2, convert: (buffer) => Int32Array.from(new Int16Array(buffer)) }],
  ["U16", { dtype: "int32", bytes: 2, convert: (buffer) => Int32Array.from(new Uint16Array(buffer)) }],
  ["I32", { dtype: "int32", bytes: 4 }],
  ["U32", { dtype: "int64", bytes: 4, convert: (buffer) => BigInt64Array.from(new Uint32Array(buffer), BigInt) }],
  ["I64", { dtype: "int64", bytes: 8 }],
  ["U64", { dtype: "int64", bytes: 8, convert: checkedUnsigned }],
  ["F16", { dtype: "float16", bytes: 2 }],
  // The upper half of a float32.
  [
    "BF16",
    {
      dtype: "float32",
      bytes: 2,
      convert: (buffer) => new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer),
    },
  ],
  ["F32", { dtype: "float32", bytes: 4 }],
  ["F64", { dtype: "float64", bytes: 8 }],
]);

/** The name and the width of the type that holds elements of `dtype` as they are. */
export function formatOf(dtype: DType): { readonly name: string; readonly bytes: number } {
  const bytes = arrayOf(dtype).BYTES_PER_ELEMENT;
  const [name] = [...formats].find(([, format]) => format.dtype === dtype && format.bytes === bytes) as [string, Format];
  return { name, bytes };
}

function checkedBooleans(buffer: ArrayBuffer, label: string): TypedArray {
  const bytes = new Uint8Array(buffer);
  const place = bytes.findIndex((byte) => byte > 1);
  check(place < 0, () => `${label}: element ${place} is ${bytes[place]}, expected 0 or 1 in a bool tensor`);
  return bytes;
}

function checkedUnsigned(buffer: ArrayBuffer, label: string): TypedArray {
  const signed = new BigInt64Array(buffer);
  const place = signed.findIndex((value) => value < 0n);
  check(place < 0, () => `${label}: element ${place} is ${new BigUint64Array(buffer)[place]}, more than int64 holds (2^63 - 1)`);
  return signed;
}
