import type { Shape } from "../graph/shape.js";
import { rowMajor, type View } from "../graph/view.js";
import { type Code, access as instruction, shuffle } from "./assembler.js";
import type { Element, Value, Values } from "./values.js";

/** A stretch of the module's memory. */
export class Buffer {
  /** In bytes; known once the memory is laid out. */
  address = -1;
  /** The statements, as they are numbered, from the first to the last that it holds something between. */
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;

  /**
   * @param size in elements, all of which are of four bytes
   * @param depth how many loops are around what made it
   */
  constructor(
    readonly size: number,
    readonly depth: number,
  ) {}

  /** Keeps its place from the start, or up to the end, whatever the statements say. */
  keep({ fromStart = false, toEnd = false }: { fromStart?: boolean; toEnd?: boolean }): this {
    if (fromStart) this.first = Number.NEGATIVE_INFINITY;
    if (toEnd) this.last = Number.POSITIVE_INFINITY;
    return this;
  }
}

/** A number that changes while a loop runs, such as its place along the sequences. */
export class Index {}

/** Where the elements of a value are: in a buffer, from a place on that moves with loops. */
export interface Access {
  readonly buffer: Buffer;
  readonly element: Element;
  readonly view: View;
  /** How many elements further it begins for each 1 of an index. */
  readonly moving: readonly { readonly index: Index; readonly stride: number }[];
}

/** The whole of a new buffer, in row-major order. */
export const accessTo = (buffer: Buffer, element: Element, shape: Shape): Access => ({
  buffer,
  element,
  view: rowMajor(shape),
  moving: [],
});

/** A number in a local, and how many elements 1 of it is. */
export interface Term {
  readonly local: number;
  readonly stride: number;
}

/** The sum of the terms in bytes, as an address. */
export function sumOf(values: Values, terms: readonly Term[]): Value {
  const parts = terms
    .filter(({ stride }) => stride !== 0)
    .map(({ local, stride }) => values.make("i32.mul", [values.local(local, "i32", "int32"), values.whole(4 * stride)], "int32", "i32"));
  const [first = values.whole(0), ...others] = parts;
  return others.reduce((sum, part) => values.make("i32.add", [sum, part], "int32", "i32"), first);
}

/** Whether each number is the one before it plus `step`. */
const ascends = (numbers: readonly number[], step: number): boolean =>
  numbers.every((value, i) => i === 0 || value === (numbers[i - 1] as number) + step);

/**
 * The elements at up to four offsets from where `access` begins, as lanes; lanes without an offset hold anything.
 * Reading on to the end of a vector is safe: memory goes on behind every buffer.
 */
export function load(values: Values, { buffer, element, view }: Access, offsets: readonly number[], terms: readonly Term[]): Value {
  const base = sumOf(values, terms);
  const at = (offset: number) => buffer.address + 4 * (view.offset + offset);
  const [first, ...others] = offsets as [number, ...number[]];
  if (ascends(offsets, 0)) return values.make(instruction("v128.load32_splat", at(first)), [base], element);
  if (ascends(offsets, 1)) return values.make(instruction("v128.load", at(first)), [base], element);
  if (ascends(offsets, -1) && offsets.length === 4) {
    const ascending = values.make(instruction("v128.load", at(first - 3)), [base], element);
    return values.make(shuffle([3, 2, 1, 0]), [ascending, ascending], element);
  }
  const start = values.make(instruction("v128.load32_zero", at(first)), [base], element);
  return others.reduce(
    (lanes, offset, i) => values.make(instruction("v128.load32_lane", at(offset), i + 1), [base, lanes], element),
    start,
  );
}

/** A store that was prepared, to be written after all that is prepared with it. */
export type Store = (code: Code) => void;

/** Prepares to store as many lanes of `value` as there are offsets. */
export function store(values: Values, { buffer, view }: Access, offsets: readonly number[], terms: readonly Term[], value: Value): Store {
  const base = sumOf(values, terms);
  const at = (offset: number) => buffer.address + 4 * (view.offset + offset);
  const first = offsets[0] as number;
  const count = offsets.length;
  const pieces = !ascends(offsets, 1)
    ? offsets.map((offset, lane) => instruction("v128.store32_lane", at(offset), lane))
    : count === 4
      ? [instruction("v128.store", at(first))]
      : [
          ...(count >= 2 ? [instruction("v128.store64_lane", at(first), 0)] : []),
          ...(count % 2 === 1 ? [instruction("v128.store32_lane", at(first + count - 1), count - 1)] : []),
        ];
  for (const _ of pieces) {
    values.use(base);
    values.use(value);
  }
  return (code) => {
    for (const piece of pieces) {
      values.push(base);
      values.push(value);
      code.write(piece);
    }
  };
}
