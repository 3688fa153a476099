import { type Shape, sameShape, sizeOf } from "../../graph/shape.js";
import { coalesce, inFours, overBlocks } from "../blocks.js";
import { type Access, type Buffer, sameElements, store } from "../buffers.js";
import { heldIn } from "../lazy.js";
import { type Value, Values } from "../values.js";
import {
  type Assignment,
  type Emission,
  evaluate,
  offsetsAt,
  readerAt,
  type Statement,
  type Strides,
  stridesIn,
  termsOf,
} from "./statement.js";

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

  /**
   * Whether `later` can be merged into this loop and uses what this loop reads or computes. It takes these values from registers, so both must
   * access the same elements at the same point.
   */
  fits(later: MapStatement): boolean {
    const { shape, assignments, reads, writes } = this;
    if (!sameShape(shape, later.shape) || later.writes.some((buffer) => reads.includes(buffer) || writes.includes(buffer))) return false;
    const shared = later.assignments.flatMap(({ lazy }) => heldIn(lazy)).filter(({ access: { buffer } }) => writes.includes(buffer));
    const isKnown = shared.every(({ access }) => assignments.some(({ to }) => sameElements(access, to, shape)));
    const isNeeded = (buffer: Buffer) => buffer.size >= sizeOf(shape) && (reads.includes(buffer) || writes.includes(buffer));
    return isKnown && later.reads.some(isNeeded) && !this.isSlowerWith(later);
  }

  with(later: MapStatement): MapStatement {
    const { length } = this.assignments;
    const following = later.assignments.map((each) => ({ ...each, follows: length + (each.follows ?? 0) }));
    return new MapStatement(this.shape, [...this.assignments, ...following]);
  }

  /** Whether the merged loop has more nested loops than each alone, since the values that they read lie in different orders. */
  private isSlowerWith(later: MapStatement): boolean {
    const rank = ({ shape, accesses }: MapStatement) =>
      coalesce(
        shape,
        accesses.map((access) => stridesIn(access, shape)),
      ).shape.length;
    return rank(this.with(later)) > Math.max(rank(this), rank(later));
  }

  private get accesses(): readonly Access[] {
    return [...new Set(this.assignments.flatMap(({ lazy, to }) => [...heldIn(lazy).map(({ access }) => access), to]))];
  }

  /** Whether an assignment reads what an earlier one stores over: then all values are computed before any is stored. */
  private get readsOverwritten(): boolean {
    return this.assignments.some(({ lazy, follows = 0 }, k) => {
      const isFollowed = (access: Access) => this.assignments.slice(0, follows).some(({ to }) => sameElements(access, to, this.shape));
      return heldIn(lazy).some(
        ({ access }) => !isFollowed(access) && this.assignments.slice(0, k).some(({ to }) => to.buffer.address === access.buffer.address),
      );
    });
  }

  emit(emission: Emission): void {
    if (sizeOf(this.shape) === 0) return;
    const { code, constants } = emission;
    const { accesses, readsOverwritten } = this;
    const merged = coalesce(
      this.shape,
      accesses.map((access) => stridesIn(access, this.shape)),
    );
    const strides = new Map<Access, Strides>(accesses.map((access, i) => [access, merged.strides[i] as Strides]));
    overBlocks(code, merged.shape, ({ loops, points }) => {
      const values = new Values(code, constants);
      const stores = inFours(points).flatMap((four) => {
        const made: Value[] = [];
        const load = readerAt(values, emission, strides, four, loops);
        return this.assignments.map(({ lazy, to, follows = 0 }) => {
          const own = strides.get(to) as Strides;
          const before = this.assignments.slice(0, follows);
          const value = evaluate(values, lazy, (held) => {
            const place = before.findLastIndex((other) => sameElements(held.access, other.to, this.shape));
            return made[place] ?? load(held);
          });
          made.push(value);
          const stored = readsOverwritten ? values.kept(value) : value;
          return store(values, to, offsetsAt(four, own), termsOf(to, own, loops, emission), stored);
        });
      });
      for (const write of stores) write(code);
    });
  }
}
