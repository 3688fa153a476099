import type { Case, CaseTable } from "./cases/case.js";
import { channels } from "./cases/channels.js";
import { convolutions } from "./cases/conv.js";
import { activation, compare, elementwise } from "./cases/elementwise.js";
import { loss, normalize } from "./cases/loss.js";
import { pool } from "./cases/pool.js";
import { reduce } from "./cases/reduce.js";
import { resampling } from "./cases/resample.js";
import { create, indexing, products, shapes } from "./cases/shapes.js";

/** Every function's cases, under its name: what all tests of operators, and the page about them, are made from. */
export const table: CaseTable = {
  ...create,
  ...elementwise,
  ...compare,
  ...activation,
  ...reduce,
  ...products,
  ...convolutions,
  ...shapes,
  ...indexing,
  ...normalize,
  ...pool,
  ...channels,
  ...resampling,
  ...loss,
};

/** A case under its full name, such as `add: broadcast`. */
export interface NamedCase extends Case {
  readonly name: string;
}

/** All cases. */
export const cases: readonly NamedCase[] = Object.entries(table).flatMap(([name, list]) =>
  list.map((each) => ({ ...each, name: `${name}: ${each.what}` })),
);
