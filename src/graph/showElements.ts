import { type DType, elementAt, type TypedArray } from "./dtype.js";
import { type Shape, sizeOf } from "./shape.js";

/** So many elements of an axis are shown, half at its beginning and half at its end, where all together are more than {@link most}. */
const shown = 6;
const most = 100;

/** The elements as text, nested as the axes are: `[[1, 2], [3, 4]]`; of many only the first and the last of each axis. */
export function showElements(data: TypedArray, { dtype, shape }: { readonly dtype: DType; readonly shape: Shape }): string {
  const isLong = sizeOf(shape) > most;
  const show = (axis: number, offset: number, span: number): string => {
    if (axis === shape.length) return `${elementAt(data, offset, dtype)}`;
    const count = shape[axis] as number;
    const inner = count === 0 ? 0 : span / count;
    const at = (i: number) => show(axis + 1, offset + i * inner, inner);
    if (!isLong || count <= shown) return `[${Array.from({ length: count }, (_, i) => at(i)).join(", ")}]`;
    const ends = Array.from({ length: shown / 2 }, (_, i) => i);
    return `[${[...ends.map(at), "...", ...ends.map((i) => at(count - shown / 2 + i))].join(", ")}]`;
  };
  return show(0, 0, sizeOf(shape));
}
