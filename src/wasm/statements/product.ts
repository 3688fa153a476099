import { shuffle } from "../../assembly/assembler.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { reshapeView } from "../../graph/view.js";
import { type Block, overBlocks } from "../blocks.js";
import { type Access, load, store, type Term } from "../buffers.js";
import { type Held, heldIn, type Lazy, type Multiplied, productIn, replaceParts } from "../lazy.js";
import { type Value, Values } from "../values.js";
import { type Emission, evaluate, offsetsAt, type Statement, type Strides, stridesIn, termsOf } from "./statement.js";

/** Up to so many multiplications of vectors the inner axis is written out; else it is a loop, whose code engines keep in registers. */
const mostWrittenOut = 24;
/** Vectors of one block of the result, and how many of them lie in one row. They stay in registers, and hide the latency of an addition. */
export const [accumulators, mostWide] = [8, 4];

/** Where lanes lie along the inner axis, up to so many vectors of it are written out. */
const mostInnerVectors = 4;

/** How the lanes of a product lie: along the columns of the right factor, along the rows of the left one, or along the inner axis. */
type Way = "columns" | "rows" | "inner";

/** About how many instructions a way takes of a product; infinite where memory does not lie for it. */
export function costOf(way: Way, [rows, inner, columns]: readonly [number, number, number], left: Strides, right: Strides): number {
  const [leftRow, leftInner] = left.slice(-2) as [number, number];
  const [rightInner, rightColumn] = right.slice(-2) as [number, number];
  const isNext = (stride: number, size: number) => stride === 1 || size === 1;
  if (way === "columns") return isNext(rightColumn, columns) ? rows * inner * Math.ceil(columns / 4) * 3 : Number.POSITIVE_INFINITY;
  if (way === "rows")
    return isNext(leftRow, rows) ? columns * inner * Math.ceil(rows / 4) * 3 + 2 * rows * columns : Number.POSITIVE_INFINITY;
  const sums = Math.ceil(Math.max(rows, columns) / 4) * 4 * Math.min(rows, columns);
  return isNext(leftInner, inner) && isNext(rightInner, inner) ? sums * (Math.ceil(inner / 4) * 4 + 2) : Number.POSITIVE_INFINITY;
}

const ways = ["columns", "rows", "inner"] as const;

/** The least of {@link costOf}. */
export const leastCost = (...product: Parameters<typeof costOf> extends [Way, ...infer Rest] ? Rest : never): number =>
  Math.min(...ways.map((way) => costOf(way, ...product)));

/**
 * Computes `lazy`, which holds one product, while the elements of that are in registers. All that `lazy` reads must fit the product's own
 * shape (see {@link fitsProduct}).
 */
export class ProductStatement implements Statement {
  private readonly product: Multiplied;

  constructor(
    readonly lazy: Lazy,
    readonly to: Access,
  ) {
    this.product = productIn(lazy) as Multiplied;
  }

  get reads() {
    const { left, right } = this.product.factors;
    return [left, right, ...heldIn(this.lazy).map(({ access }) => access)].map(({ buffer }) => buffer);
  }

  get writes() {
    return [this.to.buffer];
  }

  get assignments() {
    return [this];
  }

  emit(emission: Emission): void {
    const { left, right, shape } = this.product.factors;
    if (sizeOf(shape) === 0) return;
    const batch = shape.slice(0, -2);
    const inner = left.view.shape.at(-1) as number;
    const [rows, columns] = shape.slice(-2) as [number, number];
    const [a, b] = [left, right].map((x) => [...stridesIn({ ...x, view: leading(x) }, batch), ...x.view.strides.slice(-2)]) as unknown as [
      Strides,
      Strides,
    ];
    const way = ways.reduce((best, each) =>
      costOf(each, [rows, inner, columns], a, b) < costOf(best, [rows, inner, columns], a, b) ? each : best,
    );
    // What is read and written beside the factors, along the product's axes.
    const others = new Map<Access, Strides>();
    for (const { access } of heldIn(this.lazy)) others.set(access, stridesOf(access, this.lazy.shape, shape) as Strides);
    others.set(this.to, stridesOf(this.to, this.lazy.shape, shape) as Strides);

    overBlocks(
      emission.code,
      batch,
      ({ loops, points }) => {
        for (const point of points) {
          const part: Part = { emission, loops, point, left: a, right: b, others, inner, isTransposed: false };
          if (way === "inner") this.alongInner(part, rows, columns);
          else if (way === "columns") this.alongColumns(part, rows, columns);
          // The transpose of a product is that of the transposes: what goes along the rows goes along its columns.
          else this.alongColumns({ ...part, isTransposed: true }, columns, rows);
        }
      },
      1,
    );
  }

  /** Each element of the one factor times four neighbours of the other. */
  private alongColumns(part: Part, rows: number, columns: number): void {
    const { code } = part.emission;
    const vectors = Math.ceil(columns / 4);
    const wide = Math.min(vectors, mostWide);
    const high = Math.min(rows, Math.max(1, Math.floor(accumulators / wide)));
    const block = (row: Place, column: Place, height: number, width: number) => {
      const lanes = Array.from({ length: width }, (_, i) => column.start + 4 * i);
      const end = column.local === undefined ? columns : Number.POSITIVE_INFINITY;
      this.block(part, row, height, column, lanes, end);
    };
    const overColumns = (row: Place, height: number) =>
      inBlocks(code, columns, 4 * wide, (column, width) => block(row, column, height, Math.ceil(width / 4)));
    inBlocks(code, rows, high, overColumns);
  }

  /** The block of the result at `row` and `column`: `height` rows of a vector at each of `lanes`. */
  private block(part: Part, row: Place, height: number, column: Place, lanes: readonly number[], end: number): void {
    const { emission, inner, isTransposed } = part;
    const { code, constants } = emission;
    const [{ access: single, at: singleAt }, { access: wide, at: wideAt }] = this.factors(part);
    const rowsHere = Array.from({ length: height }, (_, i) => row.start + i);
    const placesFrom = (lane: number) => [0, 1, 2, 3].map((i) => lane + i).filter((place) => place < end);
    const sums = rowsHere.map(() => lanes.map(() => code.local("v128")));
    const step = (k: number, moving: Term["local"] | undefined, isFirst: boolean) => {
      const values = new Values(code, constants);
      const multiplied = rowsHere.map((each) => {
        const factor = load(values, single, [singleAt.row * each + singleAt.inner * k], this.terms(part, single, singleAt, row, moving));
        return lanes.map((lane) => {
          const offsets = placesFrom(lane).map((place) => wideAt.row * place + wideAt.inner * k);
          return values.make("f32x4.mul", [factor, load(values, wide, offsets, this.terms(part, wide, wideAt, column, moving))]);
        });
      });
      multiplied.forEach((list, i) =>
        list.forEach((value, j) => {
          const sum = (sums[i] as number[])[j] as number;
          values.push(values.use(isFirst ? value : values.make("f32x4.add", [values.local(sum), value]))).set(sum);
        }),
      );
    };
    this.overInner(code, inner, sums.flat(), constants, step);
    const values = new Values(code, constants);
    const stores = rowsHere.flatMap((each, i) =>
      lanes.map((lane, j) => {
        const total = values.local((sums[i] as number[])[j] as number);
        const points = placesFrom(lane).map((place) => (isTransposed ? [place, each] : [each, place]));
        return this.finish(part, values, total, points, isTransposed ? [column, row] : [row, column]);
      }),
    );
    for (const write of stores) write(code);
  }

  /** The inner axis: written out, or a loop. */
  private overInner(
    code: Emission["code"],
    inner: number,
    sums: readonly number[],
    constants: Emission["constants"],
    step: (k: number, moving: number | undefined, isFirst: boolean) => void,
  ): void {
    if (inner > 0 && inner * sums.length <= mostWrittenOut) {
      for (let k = 0; k < inner; k++) step(k, undefined, k === 0);
      return;
    }
    for (const sum of sums) {
      const values = new Values(code, constants);
      values.push(values.use(values.constant(0))).set(sum);
    }
    if (inner > 0) code.loop(0, inner, 1, (local) => step(0, local, false));
  }

  /** Sums of four neighbouring products, of which then four are summed up at once. */
  private alongInner(part: Part, rows: number, columns: number): void {
    const isTransposed = rows > columns;
    const transposed = { ...part, isTransposed };
    const [single, wide] = isTransposed ? [columns, rows] : [rows, columns];
    const { code, constants } = part.emission;
    const [{ access: one, at: oneAt }, { access: four, at: fourAt }] = this.factors(transposed);
    const block = (row: Place, column: Place, width: number) => {
      const sums = Array.from({ length: width }, () => code.local("v128"));
      const step = (k: number, moving: number | undefined, isFirst: boolean, count: number) => {
        const values = new Values(code, constants);
        const neighbours = (at: FactorStrides, line: number) => Array.from({ length: count }, (_, i) => at.row * line + at.inner * (k + i));
        // Lanes past the end read what lies there: for one factor they become zeros, and for the other too, since zero times NaN is NaN.
        const mask = values.lanes(
          [0, 1, 2, 3].map((lane) => (lane < count ? -1 : 0)),
          "bool",
        );
        const cut = (x: Value) => (count === 4 ? x : values.make("v128.and", [x, mask]));
        const factor = cut(load(values, one, neighbours(oneAt, row.start), this.terms(transposed, one, oneAt, row, moving)));
        const next = sums.map((sum, i) => {
          const other = cut(load(values, four, neighbours(fourAt, column.start + i), this.terms(transposed, four, fourAt, column, moving)));
          const value = values.make("f32x4.mul", [factor, other]);
          return values.use(isFirst ? value : values.make("f32x4.add", [values.local(sum), value]));
        });
        next.forEach((value, i) => values.push(value).set(sums[i] as number));
      };
      const { inner } = part;
      if (inner <= mostInnerVectors * 4) for (let k = 0; k < inner; k += 4) step(k, undefined, k === 0, Math.min(4, inner - k));
      else {
        const clear = new Values(code, constants);
        for (const sum of sums) clear.push(clear.use(clear.constant(0))).set(sum);
        const whole = inner - (inner % 4);
        code.loop(0, whole, 4, (local) => step(0, local, false, 4));
        if (whole < inner) step(whole, undefined, false, inner - whole);
      }
      const values = new Values(code, constants);
      const total = sumsOfFour(
        values,
        sums.map((sum) => values.local(sum)),
      );
      const points = sums.map((_, i) => (isTransposed ? [column.start + i, row.start] : [row.start, column.start + i]));
      this.finish(transposed, values, total, points, isTransposed ? [column, row] : [row, column])(code);
    };
    inBlocks(code, single, 1, (row) => inBlocks(code, wide, 4, (column, width) => block(row, column, width)));
  }

  /** The factor that is taken element by element, and the one that vectors are taken of. */
  private factors({ isTransposed, left, right }: Part): readonly [Factor, Factor] {
    const { left: a, right: b } = this.product.factors;
    const one: Factor = { access: a, strides: left, at: { row: left.at(-2) as number, inner: left.at(-1) as number } };
    const other: Factor = { access: b, strides: right, at: { row: right.at(-1) as number, inner: right.at(-2) as number } };
    return isTransposed ? [other, one] : [one, other];
  }

  /** What moves a factor: loops over the batch, over its rows (or columns) and over the inner axis. */
  private terms(part: Part, access: Access, at: FactorStrides, line: Place, inner: number | undefined): Term[] {
    const strides = access === this.product.factors.left ? part.left : part.right;
    return [
      ...termsOf(access, strides, part.loops, part.emission),
      ...(line.local === undefined ? [] : [{ local: line.local, stride: at.row }]),
      ...(inner === undefined ? [] : [{ local: inner, stride: at.inner }]),
    ];
  }

  /** What becomes of four elements of the product, put where it belongs. */
  private finish(part: Part, values: Values, total: Value, points: readonly (readonly number[])[], at: readonly [Place, Place]) {
    const { emission, loops, others, point } = part;
    const moving: Block["loops"] = [
      ...loops,
      ...at.flatMap(({ local }, i) => (local === undefined ? [] : [{ local, axis: point.length + i }])),
    ];
    const whole = points.map((each) => [...point, ...each]);
    const read = ({ access }: Held) => {
      const strides = others.get(access) as Strides;
      return load(values, access, offsetsAt(whole, strides), termsOf(access, strides, moving, emission));
    };
    const strides = others.get(this.to) as Strides;
    const value = evaluate(values, this.lazy, read, total);
    return store(values, this.to, offsetsAt(whole, strides), termsOf(this.to, strides, moving, emission), value);
  }
}

interface FactorStrides {
  /** Along the axis that the result has too. */
  readonly row: number;
  readonly inner: number;
}

interface Factor {
  readonly access: Access;
  readonly strides: Strides;
  readonly at: FactorStrides;
}

/** A place along an axis: `start`, plus what a loop's local says. */
export interface Place {
  readonly local: number | undefined;
  readonly start: number;
}

/** One matrix product of a batch. */
interface Part {
  readonly emission: Emission;
  readonly loops: Block["loops"];
  readonly point: readonly number[];
  readonly left: Strides;
  readonly right: Strides;
  readonly others: ReadonlyMap<Access, Strides>;
  readonly inner: number;
  /** Whether the transpose is computed. */
  readonly isTransposed: boolean;
}

/** An axis in blocks of `most`: a loop where there are several, and what is left. */
export function inBlocks(code: Emission["code"], size: number, most: number, visit: (place: Place, count: number) => void): void {
  const count = Math.floor(size / most);
  if (count > 1) code.loop(0, count * most, most, (local) => visit({ local, start: 0 }, most));
  else if (count === 1) visit({ local: undefined, start: 0 }, most);
  const rest = size - count * most;
  if (rest > 0) visit({ local: undefined, start: count * most }, rest);
}

/** The sums of the lanes of up to four vectors, as the lanes of one. */
function sumsOfFour(values: Values, sums: readonly Value[]): Value {
  const [a, b = a, c = a, d = c] = sums as [Value, Value?, Value?, Value?];
  const paired = (x: Value, y: Value, low: readonly number[], high: readonly number[]) =>
    values.make("f32x4.add", [values.make(shuffle(low), [x, y]), values.make(shuffle(high), [x, y])]);
  const [first, second] = [
    [a, b],
    [c, d],
  ].map(([x, y]) => paired(x as Value, y as Value, [0, 4, 1, 5], [2, 6, 3, 7])) as [Value, Value];
  return paired(first, second, [0, 1, 4, 5], [2, 3, 6, 7]);
}

/** The leading axes of a factor, its batch. */
const leading = ({ view }: Access) => ({
  shape: view.shape.slice(0, -2),
  strides: view.strides.slice(0, -2),
  offset: view.offset,
});

/** The strides of an access to a value of `shape`, or of one that broadcasts to it, along the axes of a product that it is a reshape of. */
function stridesOf(access: Access, shape: Shape, product: Shape): Strides | undefined {
  return reshapeView({ shape, strides: stridesIn(access, shape), offset: 0 }, product)?.strides;
}

/** Whether what `lazy` reads beside its product, and where it is put, can be gone through in the order of that. */
export function fitsProduct(lazy: Lazy, to: Access): boolean {
  const product = productIn(lazy) as Multiplied;
  const accesses = [...heldIn(lazy).map(({ access }) => access), to];
  return accesses.every((access) => stridesOf(access, lazy.shape, product.factors.shape) !== undefined);
}

/** `lazy` with its product, once that is computed, read from `held`. */
export const withProductHeld = (lazy: Lazy, held: Held): Lazy => replaceParts(lazy, (part) => (part.kind === "product" ? held : undefined));
