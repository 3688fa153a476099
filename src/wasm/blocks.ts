import type { Code } from "../assembly/assembler.js";
import { type Shape, sizeOf } from "../graph/shape.js";

/** A part of an iteration over several axes: loops that run, and within them elements that are written out. */
export interface Block {
  /** The index along an axis that a local adds. */
  readonly loops: readonly { readonly local: number; readonly axis: number }[];
  /** The indices of the elements written out, in row-major order, to which the loops add theirs. */
  readonly points: readonly (readonly number[])[];
}

/** Elements of one iteration of a loop along a long axis: four vectors, which hide each other's latency. */
const mostInIteration = 16;
/** An iteration over at most so many elements is written out. */
const writtenOut = 64;
/** The last axes make one block where they have at most so many elements. */
const mostInBlock = 32;

/** Goes through all elements of `shape` (which has some) in row-major order, block by block. */
export function overBlocks(code: Code, shape: Shape, visit: (block: Block) => void, most = writtenOut): void {
  if (sizeOf(shape) <= most) {
    visit({ loops: [], points: placesOf(shape) });
    return;
  }
  const last = shape.at(-1) as number;
  let block = shape.length;
  let inner = 1;
  while (block > 0 && inner * (shape[block - 1] as number) <= Math.min(mostInBlock, most)) inner *= shape[--block] as number;
  const outer = (axis: number, loops: Block["loops"]): void => {
    const size = shape[axis] as number;
    if (axis === block) {
      visit({ loops, points: placesOf(shape.map((each, i) => (i < block ? 1 : each))) });
    } else if (block === shape.length && axis === shape.length - 1) {
      // A loop goes along a long last axis; the remainder is written out.
      const width = Math.min(mostInIteration, most);
      const looped = last - (last % width);
      const along = (start: number, count: number) =>
        pointsOf(
          shape.map((_, i) => (i === axis ? count : 1)),
          shape.map((_, i) => (i === axis ? start : 0)),
        );
      code.loop(0, looped, width, (local) => visit({ loops: [...loops, { local, axis }], points: along(0, width) }));
      if (last > looped) visit({ loops, points: along(looped, last - looped) });
    } else if (size === 1) outer(axis + 1, loops);
    else code.loop(0, size, 1, (local) => outer(axis + 1, [...loops, { local, axis }]));
  };
  outer(0, []);
}

/** All indices of `shape` in row-major order, from `start` on. */
export function pointsOf(shape: Shape, start: readonly number[]): number[][] {
  return Array.from({ length: sizeOf(shape) }, (_, place) => {
    const point = new Array<number>(shape.length);
    let rest = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] as number;
      point[axis] = (start[axis] as number) + (rest % size);
      rest = Math.floor(rest / size);
    }
    return point;
  });
}

/** Axes of which all strides agree that one follows the other are one: the shape, and each list of strides, with fewer axes. */
export function coalesce(shape: Shape, strides: readonly (readonly number[])[]): { shape: number[]; strides: number[][] } {
  const merged: { size: number; strides: number[] }[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const here = strides.map((list) => list[axis] as number);
    const before = merged.at(-1);
    if (before?.strides.every((stride, i) => stride === (here[i] as number) * size)) {
      before.size *= size;
      before.strides = here;
    } else merged.push({ size, strides: here });
  });
  return { shape: merged.map(({ size }) => size), strides: strides.map((_, i) => merged.map((axis) => axis.strides[i] as number)) };
}

/** All indices of `shape` in row-major order. */
export const placesOf = (shape: Shape): number[][] =>
  pointsOf(
    shape,
    shape.map(() => 0),
  );

/** Groups of up to four. */
export const inFours = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(items.length / 4) }, (_, i) => items.slice(4 * i, 4 * i + 4));
