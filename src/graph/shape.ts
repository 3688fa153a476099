import { check, KasaneError } from "./error.js";

/** The sizes of a tensor's axes; `[]` is a scalar. */
export type Shape = readonly number[];

/** The number of elements of a tensor of this shape. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** How a shape stands in an error: `[128, 784]`. */
export const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** The shape that tensors of shapes `shapes` broadcast to (NumPy's rule), or undefined where they do not. */
export function broadcast(...shapes: Shape[]): Shape | undefined {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result: number[] = new Array(rank).fill(1);
  for (const shape of shapes) {
    const offset = rank - shape.length;
    for (let i = 0; i < shape.length; i++) {
      const size = shape[i] as number;
      const seen = result[offset + i] as number;
      if (seen !== size && seen !== 1 && size !== 1) return undefined;
      if (seen === 1) result[offset + i] = size;
    }
  }
  return result;
}

/** {@link broadcast}, or an error that names `operation` and the shapes. */
export function broadcastOrThrow(operation: string, ...shapes: Shape[]): Shape {
  const result = broadcast(...shapes);
  if (result) return result;
  throw new KasaneError(
    `${operation}: shapes ${shapes.map(showShape).join(" and ")} do not broadcast: ` +
      "from the last axis backwards sizes must be equal or 1",
  );
}

/** `axis` counted from the front: -1 is the last of `rank` axes. */
export function normalizeAxis(operation: string, axis: number, rank: number): number {
  check(Number.isInteger(axis) && axis >= -rank && axis < rank, () =>
    rank === 0
      ? `${operation}: axis ${axis} of a scalar, which has no axes`
      : `${operation}: axis ${axis} of a tensor of rank ${rank}: expected an integer from ${-rank} to ${rank - 1}`,
  );
  return axis < 0 ? axis + rank : axis;
}

/** One or several axes, counted from the front and in ascending order; undefined means every axis. */
export function normalizeAxes(operation: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = (Array.isArray(axes) ? axes : [axes]).map((axis) => normalizeAxis(operation, axis, rank));
  check(new Set(list).size === list.length, () => `${operation}: axes [${axes}] name an axis twice`);
  return list.sort((a, b) => a - b);
}

/** Throws unless `shape` is a list. */
export function checkIsShape(operation: string, shape: Shape): void {
  check(Array.isArray(shape), () => `${operation}: the shape is ${String(shape)}: expected a list of sizes, such as [2, 3]`);
}

/** Throws unless `shape` is a list of integers from 0. */
export function checkShape(operation: string, shape: Shape): void {
  checkIsShape(operation, shape);
  check(
    shape.every((size) => Number.isInteger(size) && size >= 0),
    () => `${operation}: shape ${showShape(shape)}: every size must be an integer from 0`,
  );
}
