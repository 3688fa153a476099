import { type DType, elementAt, isFloat } from "../../../src/graph/dtype.js";
import { sameShape, showShape } from "../../../src/graph/shape.js";
import type { StoredTensor } from "../../../src/graph/tensor.js";
import type { Computed, Outcome } from "./evaluate.js";
import type { Case } from "./fixture.js";

/**
 * How far floats may be from PyTorch's, relative to the size of the element or, where a case sums up, of the greatest element: some tens of
 * roundings (2^-11, 2^-24, 2^-53). The fixture has no case whose result PyTorch itself does not know to a third of that.
 */
const relative: Partial<Record<DType, number>> = { float16: 6e-3, float32: 1e-5, float64: 1e-11 };

/** ONNX Runtime joins the scale of attention and the product after it into one kernel, whose factor is a float32 whatever the dtype. */
const inSingle = new Set(["scaledDotProductAttention"]);

/**
 * What counts as 0 besides: the least normal number; in float64, of which PyTorch's own rounding is not known, some tens of roundings of 1,
 * since a term of size 1 may cancel.
 */
const absolute: Partial<Record<DType, number>> = { float16: 2 ** -14, float32: 2 ** -126, float64: 1e-14 };

/** ONNX Runtime's kernels of these are polynomials that are exact to about 1e-7 of 1, not of a result near 0. */
const bounded = new Set(["sigmoid", "silu", "gelu", "softplus", "elu", "erf", "tanh", "expm1", "binaryCrossEntropy"]);
const boundedBy = 1e-6;

/** What is wrong with the outcome of a case: its kind before a colon; undefined where it agrees with PyTorch. */
export function disagreement(each: Case, outcome: Outcome): string | undefined {
  if ("error" in outcome) return each.isError && outcome.error.name === "KasaneError" ? undefined : `error: ${outcome.error.message}`;
  if (each.isError) return "no error: one was expected";
  return difference(each, outcome, each);
}

/** How the outcome of a case differs from another: by its kind before a colon. */
export function difference(each: Case, got: Computed, expected: Computed): string | undefined {
  const differentiated = each.inputs.filter(({ dtype }) => isFloat(dtype));
  const outputs = firstDifference(expected.outputs, got.outputs, each, () => false);
  if (outputs) return `outputs ${outputs}`;
  // See `notCompared`.
  const isFree = (i: number, place: number) => {
    const { shape } = differentiated[i] as StoredTensor;
    const met = differentiated.filter((x) => sameShape(x.shape, shape)).map((x) => Number(elements(x)[place]));
    const [right, mine] = [expected, got].map(({ gradients }) => Number(elements(gradients[i] as StoredTensor)[place]));
    const isDifference = met.length > 1 && met.every((x) => Math.abs(x) === Number.POSITIVE_INFINITY);
    return met.some(Number.isNaN) || isDifference || Number.isNaN(right) || (!Number.isFinite(right) && !Number.isFinite(mine));
  };
  const gradients = firstDifference(expected.gradients, got.gradients, each, isFree);
  return gradients && `gradients ${gradients}`;
}

function firstDifference(
  expected: readonly StoredTensor[],
  got: readonly StoredTensor[],
  each: Case,
  isFree: (tensor: number, place: number) => boolean,
): string | undefined {
  if (got.length !== expected.length) return `count: ${got.length}, expected ${expected.length}`;
  for (const [i, right] of expected.entries()) {
    const wrong = unlike(got[i] as StoredTensor, right, each, (place) => isFree(i, place));
    if (wrong) return wrong;
  }
  return undefined;
}

function unlike(got: StoredTensor, expected: StoredTensor, each: Case, isFree: (place: number) => boolean): string | undefined {
  const { dtype, shape } = expected;
  if (got.dtype !== dtype) return `dtype: ${got.dtype}, expected ${dtype}`;
  if (!sameShape(got.shape, shape)) return `shape: ${showShape(got.shape)}, expected ${showShape(shape)}`;
  const [a, b] = [elements(got), elements(expected)];
  if (a.length !== b.length) return `count: ${a.length} elements for ${showShape(shape)}`;
  const sizes = b.map((x) => (isFloat(dtype) && Number.isFinite(x) ? Math.abs(Number(x)) : 0));
  const greatest = Math.max(0, ...sizes);
  const least = Math.max(absolute[dtype] ?? 0, bounded.has(each.operator) && dtype !== "float64" ? boundedBy : 0);
  const tolerance = Math.max(relative[dtype] ?? 0, inSingle.has(each.operator) ? (relative.float32 as number) : 0);
  const isClose = (place: number): boolean => {
    if (a[place] === b[place] || (Number.isNaN(a[place]) && Number.isNaN(b[place]))) return true;
    const distance = Math.abs(Number(a[place]) - Number(b[place]));
    return isFloat(dtype) && distance <= tolerance * (each.each ? (sizes[place] as number) : greatest) + least;
  };
  const wrong = b.findIndex((_, place) => !isFree(place) && !isClose(place));
  return wrong < 0 ? undefined : `value: [${a}], expected [${b}], at ${wrong}`;
}

const elements = ({ data, dtype }: StoredTensor) => Array.from({ length: data.length }, (_, i) => elementAt(data, i, dtype));
