import { access } from "../../assembly/assembler.js";
import { outOfRange } from "../../graph/outOfRange.js";
import { sizeOf } from "../../graph/shape.js";
import type { Selection } from "../../ops/operator.js";
import { pointsOf } from "../blocks.js";
import { type Access, addressesOf, load, store, type Term } from "../buffers.js";
import { imports } from "../imports.js";
import { Values } from "../values.js";
import { type Emission, offsetsAt, type Statement, termsOf } from "./statement.js";

/** Selects slices or elements by indices, or adds to those. An index out of range is an error. */
export class SelectStatement implements Statement {
  readonly canFail = true;

  /**
   * @param from the operator and its module path, for errors
   * @param table what is selected from or added to
   * @param indices integers; where whole slices are selected they are counted as one axis
   * @param rows what is selected, or what is added: of whole slices `[...before, indices, ...after]`, else of the shape of the indices
   */
  constructor(
    private readonly from: { readonly type: string; readonly path: string },
    private readonly selection: Selection,
    private readonly table: Access,
    private readonly indices: Access,
    private readonly rows: Access,
  ) {}

  /** Whether it adds to the table; else it takes from it. */
  private get adds(): boolean {
    return this.selection.does === "add";
  }

  get reads() {
    return [this.indices.buffer, this.adds ? this.rows.buffer : this.table.buffer];
  }

  get writes() {
    return [this.adds ? this.table.buffer : this.rows.buffer];
  }

  emit(emission: Emission): void {
    const { axis, whole } = this.selection;
    const { shape } = this.rows.view;
    if (sizeOf(shape) === 0) return;
    const { code } = emission;
    // One index at a time, since two may be equal; over all axes of the indices.
    const indexStrides = shape.map((_, i) =>
      whole ? (i === axis ? (this.indices.view.strides[0] as number) : 0) : (this.indices.view.strides[i] as number),
    );
    const looped = shape.map((_, i) => !whole || i <= axis);
    const inner = shape.map((size, i) => (looped[i] ? 1 : size));
    const over = (i: number, loops: readonly { local: number; axis: number }[]): void => {
      if (i === shape.length || !looped[i]) this.element(emission, loops, indexStrides, inner);
      else code.loop(0, shape[i] as number, 1, (local) => over(i + 1, [...loops, { local, axis: i }]));
    };
    over(0, []);
  }

  private element(
    emission: Emission,
    loops: readonly { local: number; axis: number }[],
    indexStrides: readonly number[],
    inner: readonly number[],
  ): void {
    const { code, constants } = emission;
    const { axis } = this.selection;
    const { table, rows, adds } = this;
    const size = table.view.shape[axis] as number;
    const place = this.placeOf(emission, termsOf(this.indices, indexStrides, loops, emission), size);
    const besides = loops.filter((loop) => loop.axis !== axis);
    const tableTerms = [
      ...termsOf(table, table.view.strides, besides, emission),
      { local: place, stride: table.view.strides[axis] as number },
    ];
    const rowTerms = termsOf(rows, rows.view.strides, loops, emission);
    // The elements of a slice are contiguous. A long slice takes a loop.
    const points = pointsOf(
      inner,
      inner.map(() => 0),
    );
    const last = inner.length - 1;
    const long = inner.every((each, i) => i === last || each === 1) && (inner[last] ?? 1) > 64 ? (inner[last] as number) : 0;
    const move = (at: readonly (readonly number[])[], extra?: number) => {
      const values = new Values(code, constants);
      const [tableOffsets, rowOffsets] = [table, rows].map(({ view }) => offsetsAt(at, view.strides)) as [number[], number[]];
      const moved = (terms: Term[], strides: readonly number[]) =>
        extra === undefined ? terms : [...terms, { local: extra, stride: strides[last] as number }];
      const [atTable, atRows] = [moved(tableTerms, table.view.strides), moved(rowTerms, rows.view.strides)];
      const row = load(values, adds ? rows : table, adds ? rowOffsets : tableOffsets, adds ? atRows : atTable);
      if (!adds) return store(values, rows, rowOffsets, atRows, row)(code);
      const sum = values.make(
        table.element === "float32" ? "f32x4.add" : "i32x4.add",
        [load(values, table, tableOffsets, atTable), row],
        table.element,
      );
      store(values, table, tableOffsets, atTable, sum)(code);
    };
    if (long > 0) {
      const count = long - (long % 4);
      code.loop(0, count, 4, (local) => move(points.slice(0, 4), local));
      if (long > count) move(points.slice(count));
    } else for (let i = 0; i < points.length; i += 4) move(points.slice(i, i + 4));
  }

  /** A local with an index, counted from 0. An index out of range ends the run. */
  private placeOf({ code, constants, addFailure }: Emission, terms: readonly Term[], size: number): number {
    const values = new Values(code, constants);
    const given = code.local("i32");
    const counted = code.local("i32");
    const { base, more } = addressesOf(values, this.indices, [0], terms);
    values
      .push(values.use(base))
      .write(access("i32.load", more[0] as number))
      .set(given);
    code.get(given).constant(size).write("i32.add").get(given).get(given).constant(0).write("i32.lt_s", "select").tee(counted);
    code.constant(size).write("i32.ge_u", "if");
    const failure = addFailure((index) => outOfRange(this.from.type, index, size) + (this.from.path && ` (in ${this.from.path})`));
    code.constant(failure).write("f64.convert_i32_s").get(given).write("f64.convert_i32_s").call(imports.fail).write("drop", "end");
    return counted;
  }
}
