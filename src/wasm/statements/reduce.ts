import { shuffle } from "../../assembly/assembler.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { transposeView } from "../../graph/view.js";
import type { Reduction } from "../../ops/operator.js";
import { vectors } from "../algebra.js";
import { type Block, coalesce, inFours, overBlocks } from "../blocks.js";
import { type Access, store } from "../buffers.js";
import { heldIn, type Lazy } from "../lazy.js";
import { type Value, Values } from "../values.js";
import { type Emission, evaluate, offsetsAt, readerAt, type Statement, type Strides, stridesIn, termsOf } from "./statement.js";

/** The number of accumulators. Several hide the latency of an addition. */
const side = 4;
/** The number of vectors that are written out. */
const writtenOut = 32;

/** Reduces `lazy` along some axes. */
export class ReduceStatement implements Statement {
  /**
   * @param to where the results are put, with the shape of the axes that are kept
   */
  constructor(
    readonly reduction: Reduction,
    readonly lazy: Lazy,
    readonly to: Access,
  ) {}

  get reads() {
    return heldIn(this.lazy).map(({ access }) => access.buffer);
  }

  get writes() {
    return [this.to.buffer];
  }

  emit(emission: Emission): void {
    const { lazy, to } = this;
    const { axes } = this.reduction;
    const keptAxes = [...lazy.shape.keys()].filter((axis) => !axes.includes(axis));
    const [keptShape, reducedShape] = [keptAxes, axes].map((list) => list.map((axis) => lazy.shape[axis] as number)) as unknown as [
      Shape,
      Shape,
    ];
    if (sizeOf(keptShape) === 0) return;
    const accesses = [...new Set(heldIn(lazy).map(({ access }) => access))];
    const along = (list: readonly number[]) =>
      accesses.map((access) => {
        const strides = stridesIn(access, lazy.shape);
        return transposeView({ shape: lazy.shape, strides, offset: 0 }, list).strides;
      });
    const kept = coalesce(keptShape, [...along(keptAxes), to.view.strides]);
    const reduced = coalesce(reducedShape, along(axes));
    const target = kept.strides.at(-1) as Strides;
    const strides = new Map<Access, Strides>(
      accesses.map((access, i) => [access, [...(kept.strides[i] as number[]), ...(reduced.strides[i] as number[])]]),
    );
    const iteration = { emission, strides, kept: kept.shape, reduced: reduced.shape, target };
    // Lanes are along the last kept axis where its elements are contiguous, or where the reduced axes are short.
    const keptStrides = accesses.map((_, i) => kept.strides[i]?.at(-1) ?? 0);
    const isKeptNext = (kept.shape.at(-1) ?? 1) >= 4 && keptStrides.every((stride) => stride <= 1);
    if (isKeptNext || sizeOf(reduced.shape) < 4) this.overKept(iteration);
    else this.overReduced(iteration);
  }

  /** Four results at a time. */
  private overKept({ emission, strides, kept, reduced, target }: Iteration): void {
    const { code, constants } = emission;
    const count = sizeOf(reduced);
    overBlocks(
      code,
      kept,
      ({ loops, points }) => {
        const fours = inFours(points);
        const totals = fours.map(() => code.local("v128"));
        const start = new Values(code, constants);
        for (const total of totals) start.push(start.constant(this.reduction.initial, this.lazy.element)).set(total);
        if (count > 0) {
          overBlocks(
            code,
            reduced,
            (inner) => {
              for (const point of inner.points) {
                const values = new Values(code, constants);
                const algebra = vectors(values, this.lazy.element);
                const innerLoops = inner.loops.map(({ local, axis }) => ({ local, axis: axis + kept.length }));
                const next = fours.map((four, i) => {
                  const at = four.map((each) => [...each, ...point]);
                  const x = evaluate(values, this.lazy, readerAt(values, emission, strides, at, [...loops, ...innerLoops]));
                  return values.use(this.reduction.combine(algebra, values.local(totals[i] as number, "v128", this.lazy.element), x));
                });
                next.forEach((value, i) => values.push(value).set(totals[i] as number));
              }
            },
            Math.max(1, Math.floor(writtenOut / fours.length)),
          );
        }
        fours.forEach((four, i) => this.finish(emission, totals[i] as number, count, four, loops, target));
      },
      side * 4,
    );
  }

  /** One result at a time, from four elements at a time. */
  private overReduced({ emission, strides, kept, reduced, target }: Iteration): void {
    const { code, constants } = emission;
    const { element } = this.lazy;
    overBlocks(
      code,
      kept,
      (outer) => {
        for (const place of outer.points) {
          const totals = Array.from({ length: side }, () => code.local("v128"));
          const start = new Values(code, constants);
          for (const total of totals) start.push(start.constant(this.reduction.initial, element)).set(total);
          overBlocks(
            code,
            reduced,
            ({ loops, points }) => {
              const innerLoops = loops.map(({ local, axis }) => ({ local, axis: axis + kept.length }));
              inFours(points).forEach((four, i) => {
                const values = new Values(code, constants);
                const at = four.map((each) => [...place, ...each]);
                const x = evaluate(values, this.lazy, readerAt(values, emission, strides, at, [...outer.loops, ...innerLoops]));
                const total = totals[i % side] as number;
                const value = this.reduction.combine(
                  vectors(values, element),
                  values.local(total, "v128", element),
                  this.held(values, x, four.length),
                );
                values.push(values.use(value)).set(total);
              });
            },
            writtenOut * 4,
          );
          const values = new Values(code, constants);
          const algebra = vectors(values, element);
          const combine = (a: Value, b: Value) => this.reduction.combine(algebra, a, b);
          const [a, b, c, d] = totals.map((total) => values.local(total, "v128", element)) as [Value, Value, Value, Value];
          const four = combine(combine(a, b), combine(c, d));
          const two = combine(four, values.make(shuffle([2, 3, 0, 1]), [four, four], element));
          const one = combine(two, values.make(shuffle([1, 0, 3, 2]), [two, two], element));
          values.push(values.use(one)).set(totals[0] as number);
          this.finish(emission, totals[0] as number, sizeOf(reduced), [place], outer.loops, target);
        }
      },
      side,
    );
  }

  /** `x` with the neutral element in the lanes from `count` on. */
  private held(values: Values, x: Value, count: number): Value {
    if (count === 4) return x;
    const mask = values.lanes(
      [0, 1, 2, 3].map((lane) => (lane < count ? -1 : 0)),
      "bool",
    );
    return values.make("v128.bitselect", [x, values.constant(this.reduction.initial, x.element), mask], x.element);
  }

  private finish(emission: Emission, total: number, count: number, points: Block["points"], loops: Block["loops"], target: Strides): void {
    const values = new Values(emission.code, emission.constants);
    const algebra = vectors(values, this.lazy.element);
    const sum = values.local(total, "v128", this.lazy.element);
    const result = this.reduction.averages ? algebra.div(sum, algebra.constant(count)) : sum;
    store(values, this.to, offsetsAt(points, target), termsOf(this.to, target, loops, emission), result)(emission.code);
  }
}

interface Iteration {
  readonly emission: Emission;
  /** Along the axes kept, then along those reduced. */
  readonly strides: ReadonlyMap<Access, Strides>;
  readonly kept: Shape;
  readonly reduced: Shape;
  /** Of the results along the axes kept. */
  readonly target: Strides;
}
