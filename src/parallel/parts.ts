import { arrayOf, type DType, type TypedArray } from "../graph/dtype.js";

// Row-major arrays divided along an axis. `outer` is the product of the sizes before that axis: the array is `outer` groups of one run of each part.

/** The part of `rank` of `count`. */
export function partOf(data: TypedArray, dtype: DType, outer: number, rank: number, count: number): TypedArray {
  const run = data.length / (outer * count);
  if (outer === 1) return data.subarray(rank * run, (rank + 1) * run) as TypedArray;
  const part = new (arrayOf(dtype))(outer * run);
  for (let i = 0; i < outer; i++) part.set(data.subarray((i * count + rank) * run, (i * count + rank + 1) * run) as never, i * run);
  return part;
}

/** The whole of which these are the parts, in the order of the ranks. */
export function joinParts(parts: readonly TypedArray[], dtype: DType, outer: number): TypedArray {
  const lengths = parts.map((part) => part.length);
  const whole = new (arrayOf(dtype))(lengths.reduce((sum, length) => sum + length, 0));
  parts.forEach((part, rank) => {
    const run = part.length / outer;
    for (let i = 0; i < outer; i++) whole.set(part.subarray(i * run, (i + 1) * run) as never, (i * parts.length + rank) * run);
  });
  return whole;
}
