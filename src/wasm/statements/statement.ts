import type { Code } from "../../assembly/assembler.js";
import type { Shape } from "../../graph/shape.js";
import { expandView } from "../../graph/view.js";
import type { Algebra } from "../../ops/algebra.js";
import { vectors } from "../algebra.js";
import type { Block } from "../blocks.js";
import { type Access, type Buffer, type Index, load, type Term } from "../buffers.js";
import type { Held, Lazy } from "../lazy.js";
import type { Constants, Value, Values } from "../values.js";

/** The state of writing a function of the module. */
export interface Emission {
  /** The function that is being written. */
  readonly code: Code;
  readonly constants: Constants;
  /** The local of a loop's index. */
  localOf(index: Index): number;
  /** The same emission with indices bound to locals. */
  within(code: Code, indices: ReadonlyMap<Index, number>): Emission;
  /** Adds an error message. Returns the number that the module calls `fail` with to throw it. */
  addFailure(message: (index: number) => string): number;
  /** Adds a function that `write` writes. Returns its index. */
  addFunction(parameters: number, write: (code: Code) => void): number;
}

/** A value that is computed element by element, and where it is stored. */
export interface Assignment {
  readonly lazy: Lazy;
  readonly to: Access;
  /** It reads the results of so many assignments before it in the same loop. Other reads give what memory held before the loop. */
  readonly follows?: number;
}

/** A part of the module's program. Statements run in their order. */
export interface Statement {
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
  /** The elementwise assignments that it makes. */
  readonly assignments?: readonly Assignment[];
  /** Of a loop, the statements that it repeats. Its reads and writes are theirs. */
  readonly body?: readonly Statement[];
  /** Whether it can end the run with an error. */
  readonly canFail?: boolean;
  emit(emission: Emission): void;
}

/** All buffers that a statement reads, its body included. */
export const readsOf = ({ reads, body = [] }: Statement): readonly Buffer[] => [...reads, ...body.flatMap(readsOf)];
export const writesOf = ({ writes, body = [] }: Statement): readonly Buffer[] => [...writes, ...body.flatMap(writesOf)];

/** The stride of an access along each axis of an iteration, in elements. */
export type Strides = readonly number[];

/** The strides of an access to a value of a shape that broadcasts to `shape`. */
export const stridesIn = (access: Access, shape: Shape): Strides => expandView(access.view, shape).strides;

/** The terms that move an access: indices of loops around, and of the loops of a block. */
export const termsOf = ({ moving }: Access, strides: Strides, loops: Block["loops"], { localOf }: Emission): Term[] => [
  ...moving.map(({ index, stride }) => ({ local: localOf(index), stride })),
  ...loops.map(({ local, axis }) => ({ local, stride: strides[axis] as number })),
];

/** The offset of each point from the beginning of an access, in elements. */
export const offsetsAt = (points: Block["points"], strides: Strides): number[] =>
  points.map((point) => point.reduce((sum, index, axis) => sum + index * (strides[axis] as number), 0));

/** Four elements of `lazy`: what it reads is loaded at `points`, and a product that it is computed of is given. */
export function evaluate(values: Values, lazy: Lazy, read: (held: Held) => Value, product?: Value): Value {
  switch (lazy.kind) {
    case "held":
      return read(lazy);
    case "constant":
      return values.constant(lazy.value, lazy.element);
    case "product":
      return product as Value;
    case "applied": {
      const operands = lazy.operands.map((operand) => evaluate(values, operand, read, product));
      return lazy.expression(algebraOf(values, lazy.constants), operands as unknown as [Value, Value, Value]);
    }
  }
}

/** The algebras of each stretch of code. */
function algebraOf(values: Values, element: Lazy["element"]): Algebra<Value> {
  const known = algebras.get(values) ?? {};
  known[element] ??= vectors(values, element);
  algebras.set(values, known);
  return known[element];
}
const algebras = new WeakMap<Values, Partial<Record<Lazy["element"], Algebra<Value>>>>();

/** Loads elements at the current point of an iteration. */
export const readerAt =
  (values: Values, emission: Emission, strides: ReadonlyMap<Access, Strides>, points: Block["points"], loops: Block["loops"]) =>
  ({ access }: Held): Value => {
    const own = strides.get(access) as Strides;
    return load(values, access, offsetsAt(points, own), termsOf(access, own, loops, emission));
  };
