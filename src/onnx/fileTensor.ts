import { TensorProto_DataType as DataType, TensorProto_DataLocation as Location, type TensorProto } from "onnx-buf";
import { arrayOf, convert, type DType, elementAt, isFloat, type TypedArray } from "../graph/dtype.js";
import { check, excerpt } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { StoredTensor } from "../graph/tensor.js";

/**
 * Gives a part of a file beside the model, where a model keeps its weights.
 * @param location the path that the model names, relative to its own folder
 * @param length undefined: up to the end
 */
export type ExternalData = (location: string, offset: number, length: number | undefined) => Uint8Array;

/** How the elements of a type of onnx.proto are stored, and as what they are held here. */
interface Format {
  readonly dtype: DType;
  readonly bits: number;
  /** One element of raw data. */
  readonly read: (view: DataView, index: number) => number | bigint;
}

const nibble = (view: DataView, index: number): number => (view.getUint8(index >> 1) >> (4 * (index & 1))) & 15;

const formats: Readonly<Record<number, Format>> = {
  [DataType.FLOAT]: { dtype: "float32", bits: 32, read: (view, i) => view.getFloat32(4 * i, true) },
  [DataType.DOUBLE]: { dtype: "float64", bits: 64, read: (view, i) => view.getFloat64(8 * i, true) },
  [DataType.FLOAT16]: { dtype: "float16", bits: 16, read: (view, i) => view.getUint16(2 * i, true) },
  [DataType.BFLOAT16]: { dtype: "float32", bits: 16, read: (view, i) => fromBfloat16(view.getUint16(2 * i, true)) },
  [DataType.UINT8]: { dtype: "uint8", bits: 8, read: (view, i) => view.getUint8(i) },
  [DataType.INT8]: { dtype: "int8", bits: 8, read: (view, i) => view.getInt8(i) },
  [DataType.UINT16]: { dtype: "int32", bits: 16, read: (view, i) => view.getUint16(2 * i, true) },
  [DataType.INT16]: { dtype: "int32", bits: 16, read: (view, i) => view.getInt16(2 * i, true) },
  [DataType.INT32]: { dtype: "int32", bits: 32, read: (view, i) => view.getInt32(4 * i, true) },
  [DataType.UINT32]: { dtype: "int64", bits: 32, read: (view, i) => BigInt(view.getUint32(4 * i, true)) },
  [DataType.INT64]: { dtype: "int64", bits: 64, read: (view, i) => view.getBigInt64(8 * i, true) },
  [DataType.UINT64]: { dtype: "int64", bits: 64, read: (view, i) => view.getBigInt64(8 * i, true) },
  [DataType.BOOL]: { dtype: "bool", bits: 8, read: (view, i) => Number(view.getUint8(i) !== 0) },
  [DataType.UINT4]: { dtype: "uint8", bits: 4, read: nibble },
  [DataType.INT4]: { dtype: "int8", bits: 4, read: (view, i) => (nibble(view, i) << 28) >> 28 },
};

/** What the type of onnx.proto is called, for errors. */
export const nameOfType = (type: number): string => DataType[type] ?? `type ${type}`;

/** The dtype that holds the elements of a type of onnx.proto, if any does. */
export const dtypeOfType = (type: number): DType | undefined => formats[type]?.dtype;

/**
 * A tensor of an ONNX file. The file is not trusted: nothing is allocated that its data does not fill.
 * @param float what floating-point elements are converted to
 */
export function readTensor(proto: TensorProto, owner: string, float: DType, external: ExternalData): StoredTensor {
  const fault = () => `${owner}: tensor "${excerpt(proto.name, 60)}"`;
  const format = formats[proto.dataType];
  check(
    format !== undefined,
    () => `${fault()} holds ${nameOfType(proto.dataType)}, which no tensor here does: expected numbers or booleans`,
  );
  const shape = proto.dims.map(Number);
  const size = shape.reduce((product, length) => product * length, 1);
  check(
    shape.every((length) => Number.isSafeInteger(length) && length >= 0) && Number.isSafeInteger(size),
    () => `${fault()} has the shape ${excerpt(showShape(shape), 60)}: expected sizes from 0`,
  );
  const dtype = isFloat(format.dtype) ? float : format.dtype;
  const expected = Math.ceil((size * format.bits) / 8);
  // An unsigned element from 2^63 on came out below 0.
  const signed = (data: TypedArray) => {
    const fits = proto.dataType !== DataType.UINT64 || (data as BigInt64Array).every((element) => element >= 0n);
    check(fits, () => `${fault()} has an element of 2^63 or more, expected what int64 holds`);
    return data;
  };
  const raw = bytesOf(proto, expected, external, fault);
  if (raw) {
    const matches = raw.byteLength === expected;
    check(matches, () => `${fault()} has ${raw.byteLength} bytes of data, but ${showShape(shape)} takes ${expected}`);
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    return { dtype, shape, data: signed(collect(size, format, dtype, (i) => format.read(view, i))) };
  }
  const list = listOf(proto);
  // Half of a byte may be left over.
  const spare = format.bits === 4 ? size % 2 : 0;
  check(list.length === size + spare, () => `${fault()} has ${list.length} elements of data, but ${showShape(shape)} takes ${size}`);
  const bits = new DataView(new ArrayBuffer(8));
  return {
    dtype,
    shape,
    // A list holds bits of the small types as integers.
    data: signed(
      collect(size, format, dtype, (i) => {
        const value = list[i] as number | bigint;
        if (proto.dataType === DataType.BFLOAT16) return fromBfloat16(Number(value));
        if (isFloat(format.dtype) || format.bits === 4) return value;
        bits.setBigInt64(0, BigInt(value), true);
        return format.read(bits, 0);
      }),
    ),
  };
}

function collect(size: number, { dtype: held }: Format, dtype: DType, element: (index: number) => number | bigint): TypedArray {
  const result = new (arrayOf(held))(size);
  for (let i = 0; i < size; i++) result[i] = element(i) as never;
  if (held === dtype) return result;
  return convert(
    Array.from({ length: size }, (_, i) => elementAt(result, i, held)),
    dtype,
  );
}

/** The bytes of the data, where the model keeps it so; undefined where it is a list of numbers. */
function bytesOf(proto: TensorProto, expected: number, external: ExternalData, fault: () => string): Uint8Array | undefined {
  if (proto.dataLocation !== Location.EXTERNAL) return proto.rawData.length > 0 || expected === 0 ? proto.rawData : undefined;
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const count = (key: string) => {
    const text = entries.get(key);
    const value = text === undefined ? undefined : Number(text);
    const isCount = value === undefined || (Number.isSafeInteger(value) && value >= 0 && text !== "");
    check(isCount, () => `${fault()} has external data of ${key} ${excerpt(String(text), 30)}: expected an integer from 0`);
    return value;
  };
  const [location, offset, length] = [entries.get("location") ?? "", count("offset") ?? 0, count("length")];
  check(
    length === undefined || length === expected,
    () => `${fault()} has external data of ${length} bytes, but its shape takes ${expected}`,
  );
  return external(location, offset, expected);
}

const listOf = (proto: TensorProto): readonly (number | bigint)[] => {
  switch (proto.dataType) {
    case DataType.FLOAT:
      return proto.floatData;
    case DataType.DOUBLE:
      return proto.doubleData;
    case DataType.INT64:
      return proto.int64Data;
    case DataType.UINT32:
    case DataType.UINT64:
      return proto.uint64Data;
    case DataType.INT4:
    case DataType.UINT4:
      return proto.int32Data.flatMap((pair) => {
        const view = new DataView(Uint8Array.of(pair).buffer);
        const read = (formats[proto.dataType] as Format).read;
        return [read(view, 0) as number, read(view, 1) as number];
      });
    default:
      return proto.int32Data;
  }
};

const scratch = new DataView(new ArrayBuffer(4));

/** The number that the bits of a bfloat16 stand for: those are the first half of a float32's. */
function fromBfloat16(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}
