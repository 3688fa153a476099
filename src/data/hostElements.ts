import { arrayOf, type TypedArray } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { fromData, hostData, type Tensor } from "../graph/tensor.js";

/**
 * The elements of a tensor whose values are in host memory.
 * @throws KasaneError where they have yet to be computed
 */
export function hostElements(operation: string, x: Tensor): TypedArray {
  const elements = hostData(x);
  check(elements !== undefined, () => `${operation}: ${x} is not computed yet: pass tensor(await x.data(), { shape: x.shape })`);
  return elements;
}

/** The rows of a tensor at the given indices, copied. */
export function rowsAt(x: Tensor, places: ArrayLike<number>): Tensor {
  const elements = hostElements("rowsAt", x);
  const width = x.size / (x.shape[0] as number);
  const rows = new (arrayOf(x.dtype))(places.length * width);
  for (let i = 0; i < places.length; i++) {
    const start = (places[i] as number) * width;
    rows.set(elements.subarray(start, start + width) as never, i * width);
  }
  return fromData(rows, [places.length, ...x.shape.slice(1)], x.dtype);
}
