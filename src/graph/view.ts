import { type Shape, sizeOf } from "./shape.js";

/** Where the elements of a tensor lie among others: at `offset` plus the sum of `strides` times the indices, counted in elements. */
export interface View {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** The view of elements that lie in row-major order. */
export function rowMajor(shape: Shape, offset = 0): View {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return { shape, strides, offset };
}

/** Whether the elements lie in row-major order without gaps. */
export function isRowMajor({ shape, strides }: View): boolean {
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    if (size !== 1 && strides[axis] !== stride) return false;
    stride *= size;
  }
  return true;
}

/** The axes in another order. */
export const transposeView = ({ shape, strides, offset }: View, axes: readonly number[]): View => ({
  shape: axes.map((axis) => shape[axis] as number),
  strides: axes.map((axis) => strides[axis] as number),
  offset,
});

/** The elements repeated to fill `shape`, which the view's shape broadcasts to. */
export function expandView(view: View, shape: Shape): View {
  const added = shape.length - view.shape.length;
  const strides = shape.map((_, axis) => (axis < added || view.shape[axis - added] === 1 ? 0 : (view.strides[axis - added] as number)));
  return { shape, strides, offset: view.offset };
}

/** The part of `shape` that begins at the index `starts`, every so many `steps` along each axis. */
export const sliceView = (view: View, starts: readonly number[], shape: Shape, steps: readonly number[] = shape.map(() => 1)): View => ({
  shape,
  strides: view.strides.map((stride, axis) => stride * (steps[axis] as number)),
  offset: view.offset + view.strides.reduce((sum, stride, axis) => sum + stride * (starts[axis] as number), 0),
});

/** The same elements in row-major order under another shape; undefined where no strides give that. */
export function reshapeView({ shape, strides, offset }: View, target: Shape): View | undefined {
  if (sizeOf(shape) <= 1) return { shape: target, strides: target.map(() => 0), offset };
  // Axes that follow each other without gaps count as one, from which the target's axes are cut.
  const runs: { size: number; stride: number }[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const stride = strides[axis] as number;
    const last = runs.at(-1);
    if (last && last.stride === stride * size) {
      last.size *= size;
      last.stride = stride;
    } else runs.push({ size, stride });
  });
  const result = new Array<number>(target.length).fill(0);
  let run = runs.pop();
  let rest = run?.size ?? 1;
  let stride = run?.stride ?? 0;
  for (let axis = target.length - 1; axis >= 0; axis--) {
    const size = target[axis] as number;
    if (size === 1) continue;
    if (rest === 1) {
      run = runs.pop();
      if (!run) return undefined;
      rest = run.size;
      stride = run.stride;
    }
    if (rest % size !== 0) return undefined;
    result[axis] = stride;
    stride *= size;
    rest /= size;
  }
  return { shape: target, strides: result, offset };
}
