import { type Code, access as instruction, shuffle } from "../assembly/assembler.js";
import { type Shape, sameShape } from "../graph/shape.js";
import { expandView, rowMajor, type View } from "../graph/view.js";
import type { Element, Value, Values } from "./values.js";

/** A stretch of the module's memory. */
export class Buffer {
  private place = -1;
  private twin: Buffer | undefined;
  /** The numbers of the first and the last statement between which its content is needed. */
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

  /** In bytes; known once the memory is laid out. */
  get address(): number {
    return this.twin?.address ?? this.place;
  }

  set address(value: number) {
    this.place = value;
  }

  /** Whether it has the address of another. */
  get hasTwin(): boolean {
    return this.twin !== undefined;
  }

  /** Takes the address of `other`, which is kept for the whole run. */
  takePlaceOf(other: Buffer): void {
    this.twin = other;
  }

  /** Keeps its address from the start, or up to the end, whichever statements use it. */
  keep({ fromStart = false, toEnd = false }: { fromStart?: boolean; toEnd?: boolean }): this {
    if (fromStart) this.first = Number.NEGATIVE_INFINITY;
    if (toEnd) this.last = Number.POSITIVE_INFINITY;
    return this;
  }
}

/** A number that changes while a loop runs, such as its place along the sequences. */
export class Index {}

/** Where the elements of a value are: in a buffer, from an offset that depends on the indices of loops. */
export interface Access {
  readonly buffer: Buffer;
  readonly element: Element;
  readonly view: View;
  /** The stride of each index, in elements. */
  readonly moving: readonly { readonly index: Index; readonly stride: number }[];
}

/** Whether two accesses read the same elements when both are broadcast to `shape`. */
export const sameElements = (a: Access, b: Access, shape: Shape): boolean =>
  a.buffer === b.buffer &&
  a.view.offset === b.view.offset &&
  sameShape(expandView(a.view, shape).strides, expandView(b.view, shape).strides) &&
  a.moving.length === b.moving.length &&
  a.moving.every(({ index, stride }, i) => index === b.moving[i]?.index && stride === b.moving[i]?.stride);

/** An access to all elements of a new buffer, in row-major order. */
export const accessTo = (buffer: Buffer, element: Element, shape: Shape): Access => ({
  buffer,
  element,
  view: rowMajor(shape),
  moving: [],
});

/** An index in a local, and its stride in elements. */
export interface Term {
  readonly local: number;
  readonly stride: number;
}

/** An address, and the offsets in bytes of some elements from it. No offset is below 0, since instructions take none. */
interface Addresses {
  readonly base: Value;
  readonly more: readonly number[];
}

/** The addresses of the elements at `offsets` from the beginning of `access`. */
export function addressesOf(
  values: Values,
  { buffer, view }: Pick<Access, "buffer" | "view">,
  offsets: readonly number[],
  terms: readonly Term[],
): Addresses {
  const fixed = offsets.map((offset) => buffer.address + 4 * (view.offset + offset));
  const moving = terms.filter(({ stride }) => stride !== 0);
  // The constant part comes first where a stride is negative: an address below 0 does not exist.
  const least = moving.some(({ stride }) => stride < 0) ? Math.min(...fixed) : 0;
  const parts = moving.map(({ local, stride }) =>
    values.make("i32.mul", [values.local(local, "i32", "int32"), values.integer(4 * stride)], "int32", "i32"),
  );
  const [first = values.integer(0), ...others] = least === 0 ? parts : [values.integer(least), ...parts];
  const base = others.reduce((sum, part) => values.make("i32.add", [sum, part], "int32", "i32"), first);
  return { base, more: fixed.map((bytes) => bytes - least) };
}

/** Whether each number is the one before it plus `step`. */
const ascends = (numbers: readonly number[], step: number): boolean =>
  numbers.every((value, i) => i === 0 || value === (numbers[i - 1] as number) + step);

/**
 * Loads the elements at up to four offsets from the beginning of `access` into lanes. A lane without an offset may hold anything.
 * Reading a full vector at the end of a buffer is safe: memory goes on behind it.
 */
export function load(values: Values, access: Access, offsets: readonly number[], terms: readonly Term[]): Value {
  const { element } = access;
  const { base, more } = addressesOf(values, access, offsets, terms);
  const [first, ...others] = more as [number, ...number[]];
  if (ascends(offsets, 0)) return values.make(instruction("v128.load32_splat", first), [base], element);
  if (ascends(offsets, 1)) return values.make(instruction("v128.load", first), [base], element);
  if (ascends(offsets, -1) && offsets.length === 4) {
    const ascending = values.make(instruction("v128.load", more[3] as number), [base], element);
    return values.make(shuffle([3, 2, 1, 0]), [ascending, ascending], element);
  }
  const start = values.make(instruction("v128.load32_zero", first), [base], element);
  return others.reduce((lanes, bytes, i) => values.make(instruction("v128.load32_lane", bytes, i + 1), [base, lanes], element), start);
}

/** A store that was prepared. It is written after all loads that were prepared with it. */
export type Store = (code: Code) => void;

/** Prepares to store as many lanes of `value` as there are offsets. */
export function store(values: Values, access: Access, offsets: readonly number[], terms: readonly Term[], value: Value): Store {
  const { base, more } = addressesOf(values, access, offsets, terms);
  const count = offsets.length;
  const [first, last] = [more[0], more[count - 1]] as [number, number];
  const pieces = !ascends(offsets, 1)
    ? more.map((bytes, lane) => instruction("v128.store32_lane", bytes, lane))
    : count === 4
      ? [instruction("v128.store", first)]
      : [
          ...(count >= 2 ? [instruction("v128.store64_lane", first, 0)] : []),
          ...(count % 2 === 1 ? [instruction("v128.store32_lane", last, count - 1)] : []),
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
