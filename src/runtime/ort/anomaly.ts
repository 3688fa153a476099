import { elementAt, type TypedArray } from "../../graph/dtype.js";
import { KasaneError } from "../../graph/error.js";
import { showShape } from "../../graph/shape.js";
import type { Operation, Watched } from "../../passes/watch.js";
import { asStored } from "../state.js";
import type { ort } from "./onnxruntime.js";

/** Throws where a value has a NaN or an infinity. The error names the operation that made the first. */
export function detectAnomalies(watched: readonly Watched[], values: readonly ort.Tensor[]): void {
  for (const each of watched) checkSteps(each, values, { first: 0, slice: 0, slices: 1, steps: [] });
}

/** Where the values of one step of nested loops are. */
interface Step {
  /** The index that the places of the loop's values count from. */
  readonly first: number;
  /** The slice of each value that belongs to the step, and the number of slices. */
  readonly slice: number;
  readonly slices: number;
  /** The step of each loop, the outermost first. */
  readonly steps: readonly number[];
}

function checkSteps(watched: Watched, values: readonly ort.Tensor[], { first, slice, slices, steps }: Step): void {
  const place = first + watched.place;
  if ("operation" in watched) {
    checkSlice(values[place] as ort.Tensor, watched.operation, { first, slice, slices, steps });
    return;
  }
  const { length, reverse, body } = watched;
  for (let i = 0; i < length; i++) {
    const step = reverse ? length - 1 - i : i;
    const within = { first: place, slice: slice * length + step, slices: slices * length, steps: [...steps, step] };
    for (const each of body) checkSteps(each, values, within);
  }
}

function checkSlice(value: ort.Tensor, { type, inputs, path }: Operation, { slice, slices, steps }: Step): void {
  const dtype = value.type as "float16" | "float32" | "float64";
  const all = asStored(value.data as TypedArray, dtype);
  const size = all.length / slices;
  const data = all.subarray(slice * size, (slice + 1) * size);
  // The exponent of a NaN or an infinity is all ones.
  const place = dtype === "float16" ? data.findIndex((x) => (Number(x) & 0x7c00) === 0x7c00) : data.findIndex((x) => !Number.isFinite(x));
  if (place < 0) return;
  const types = inputs.map((input) => `${input.dtype}${showShape(input.shape)}`).join(", ");
  const where = `${steps.map((step) => `, in step ${step} of a loop`).join("")}${path && ` (in ${path})`}`;
  throw new KasaneError(
    `anomaly: ${type}(${types}) made ${elementAt(data as TypedArray, place, dtype)} at element ${place}${where}: ` +
      "the variables keep the values they had before the step",
  );
}
