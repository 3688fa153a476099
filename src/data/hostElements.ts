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

/**
 * The rows of a tensor at the given indices, copied.
 * @throws KasaneError where an index is none of a row
 */
export function rowsAt(x: Tensor, places: ArrayLike<number>): Tensor {
  const elements = hostElements("rowsAt", x);
  const count = x.shape[0] as number;
  const width = x.size / count;
  const rows = new (arrayOf(x.dtype))(places.length * width);
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as number;
    check(
      Number.isInteger(place) && place >= 0 && place < count,
      () => `rowsAt: got index ${place}, expected an integer from 0 below ${count}`,
    );
    rows.set(elements.subarray(place * width, (place + 1) * width) as never, i * width);
  }
  return fromData(rows, [places.length, ...x.shape.slice(1)], x.dtype);
}
