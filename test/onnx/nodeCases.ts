import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type DType, type OnnxModule, type Tensor, tensor } from "kasane";
import { elementAt } from "../../src/graph/dtype.js";

interface Packed {
  readonly type: string;
  readonly shape: readonly number[];
  readonly data: string;
}

/** A model of one node, or a few, with inputs and what they give: ONNX's own tests and older forms; see `test/fixtures/onnxNodes.py`. */
export interface NodeCase {
  readonly name: string;
  readonly model: string;
  readonly inputs: readonly Packed[];
  readonly outputs: readonly Packed[];
}

export const nodeCases = JSON.parse(
  gunzipSync(readFileSync(new URL("../fixtures/onnxNodes.json.gz", import.meta.url))).toString(),
) as readonly NodeCase[];

export const bytesOf = ({ model }: NodeCase): Uint8Array => Buffer.from(model, "base64");

/** The elements of a packed array as numbers. */
export function numbersOf({ type, data }: Packed): number[] {
  const { buffer } = new Uint8Array(Buffer.from(data, "base64"));
  const view = views[type];
  if (!view) throw new Error(`no numbers of type ${type}`);
  return Array.from<number | bigint, number>(view(buffer), Number);
}

const views: Readonly<Record<string, (buffer: ArrayBuffer) => ArrayLike<number | bigint>>> = {
  float16: (buffer) => Array.from(new Uint16Array(buffer), (bits) => Number(elementAt(Uint16Array.of(bits), 0, "float16"))),
  float32: (buffer) => new Float32Array(buffer),
  float64: (buffer) => new Float64Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
  bool: (buffer) => new Uint8Array(buffer),
  int16: (buffer) => new Int16Array(buffer),
  uint16: (buffer) => new Uint16Array(buffer),
  int32: (buffer) => new Int32Array(buffer),
  uint32: (buffer) => new Uint32Array(buffer),
  int64: (buffer) => new BigInt64Array(buffer),
  uint64: (buffer) => new BigUint64Array(buffer),
};

/** The dtype that holds a type of NumPy here. */
const dtypes: Readonly<Record<string, DType>> = {
  int16: "int32",
  uint16: "int32",
  uint32: "int64",
  uint64: "int64",
  float16: "float32",
  float64: "float32",
};

const toTensor = (packed: Packed): Tensor => {
  const numbers = numbersOf(packed);
  return tensor(packed.type === "bool" ? numbers.map((x) => x !== 0) : numbers, {
    dtype: dtypes[packed.type] ?? (packed.type as DType),
    shape: packed.shape,
  });
};

/** The inputs of a case by the names that the module has for them. */
export const inputsOf = (each: NodeCase, module: OnnxModule): Record<string, Tensor> =>
  Object.fromEntries(module.inputs.map(({ name }, i) => [name, toTensor(each.inputs[i] as Packed)]));
