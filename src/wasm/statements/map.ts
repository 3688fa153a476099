import { type Shape, sizeOf } from "../../graph/shape.js";
import { coalesce, inFours, overBlocks } from "../blocks.js";
import { type Access, store } from "../buffers.js";
import { heldIn, type Lazy } from "../lazy.js";
import { Values } from "../values.js";
import { type Emission, evaluate, offsetsAt, readerAt, type Statement, type Strides, stridesIn, termsOf } from "./statement.js";

/** A value that is computed element by element, and where it is put. */
export interface Assignment {
  readonly lazy: Lazy;
  readonly to: Access;
}

/** Computes values of one shape in one loop. */
export class MapStatement implements Statement {
  constructor(
    readonly shape: Shape,
    readonly assignments: readonly Assignment[],
  ) {}

  get reads() {
    return this.assignments.flatMap(({ lazy }) => heldIn(lazy).map(({ access }) => access.buffer));
  }

  get writes() {
    return this.assignments.map(({ to }) => to.buffer);
  }

  emit(emission: Emission): void {
    if (sizeOf(this.shape) === 0) return;
    const { code, constants } = emission;
    const accesses = [...new Set(this.assignments.flatMap(({ lazy, to }) => [...heldIn(lazy).map(({ access }) => access), to]))];
    const merged = coalesce(
      this.shape,
      accesses.map((access) => stridesIn(access, this.shape)),
    );
    const strides = new Map<Access, Strides>(accesses.map((access, i) => [access, merged.strides[i] as Strides]));
    overBlocks(code, merged.shape, ({ loops, points }) => {
      const values = new Values(code, constants);
      const stores = inFours(points).flatMap((four) =>
        this.assignments.map(({ lazy, to }) => {
          const own = strides.get(to) as Strides;
          const value = evaluate(values, lazy, readerAt(values, emission, strides, four, loops));
          return store(values, to, offsetsAt(four, own), termsOf(to, own, loops, emission), value);
        }),
      );
      for (const write of stores) write(code);
    });
  }
}
