import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { arrayOf, type DType } from "../../../src/graph/dtype.js";
import { type Shape, sizeOf } from "../../../src/graph/shape.js";
import type { StoredTensor } from "../../../src/graph/tensor.js";

type Described = readonly [DType, Shape];

/** A case as test/fixtures/differential.py describes it; absent lists are empty, absent flags false. */
interface Header {
  readonly operator: string;
  readonly family: string;
  readonly arguments: readonly unknown[];
  readonly each?: boolean;
  readonly difference?: string;
  readonly isError?: boolean;
  readonly inputs: readonly Described[];
  readonly outputs: readonly Described[];
  readonly gradients: readonly Described[];
}

/** A call of an operator and what PyTorch says of it. */
export interface Case {
  /** Its operator and its number, such as `sum 17`. */
  readonly name: string;
  readonly operator: string;
  readonly family: string;
  /** As the function takes them; `{ input: i }` stands for input i. */
  readonly arguments: readonly unknown[];
  readonly inputs: readonly StoredTensor[];
  readonly outputs: readonly StoredTensor[];
  /** Of the inputs of floating-point type. */
  readonly gradients: readonly StoredTensor[];
  /** Whether rounding is measured by the size of each element, or by that of the greatest. */
  readonly each: boolean;
  /** Why PyTorch's plain function is not what was asked. */
  readonly difference: string | undefined;
  readonly isError: boolean;
}

/** The cases in test/fixtures/differential.bin: gzipped; the header's length, the header, all elements in its order. */
export function readCases(): Case[] {
  const bytes = gunzipSync(readFileSync(new URL("../../fixtures/differential.bin", import.meta.url)));
  const start = 4 + bytes.readUInt32LE();
  let at = start;
  const take = ([dtype, shape]: Described): StoredTensor => {
    const array = arrayOf(dtype);
    const end = at + sizeOf(shape) * array.BYTES_PER_ELEMENT;
    const buffer = Uint8Array.from(bytes.subarray(at, end)).buffer;
    at = end;
    return { dtype, shape, data: new array(buffer) };
  };
  const counts = new Map<string, number>();
  const infinities = (_: string, value: unknown) =>
    value === "Infinity" ? Number.POSITIVE_INFINITY : value === "-Infinity" ? Number.NEGATIVE_INFINITY : value;
  return (JSON.parse(bytes.toString("utf8", 4, start), infinities) as Header[]).map((header) => {
    const { operator, family, each = false, difference, isError = false } = header;
    const number = counts.get(operator) ?? 0;
    counts.set(operator, number + 1);
    const [inputs, outputs, gradients] = [header.inputs.map(take), header.outputs.map(take), header.gradients.map(take)];
    return {
      name: `${operator} ${number}`,
      operator,
      family,
      arguments: header.arguments,
      inputs,
      outputs,
      gradients,
      each,
      difference,
      isError,
    };
  });
}
