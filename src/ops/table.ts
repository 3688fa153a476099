import { activation } from "./activation.js";
import { globalPool } from "./adaptivePool.js";
import { arithmetic } from "./arithmetic.js";
import { casts } from "./cast.js";
import { channels } from "./channelNorm.js";
import { compare } from "./compare.js";
import { convolutions } from "./conv.js";
import { create } from "./create.js";
import { elementary } from "./elementary.js";
import { sampling } from "./gridSample.js";
import { indexing } from "./indexing.js";
import { logic } from "./logic.js";
import { losses } from "./loss.js";
import { products } from "./matmul.js";
import { normalize } from "./normalize.js";
import type { Operator } from "./operator.js";
import { patches } from "./patches.js";
import { pool } from "./pool.js";
import { recurrent } from "./recurrent.js";
import { reduce } from "./reduce.js";
import { resampling } from "./resample.js";
import { loops } from "./scan.js";
import { sequences } from "./sequences.js";
import { shapes } from "./shapes.js";
import { pieces } from "./slicing.js";
import { sorting } from "./sorting.js";
import { suppression } from "./suppression.js";

/** Every operator by its name: what a reader of ONNX files looks nodes up in, and what the list in the docs is made from. */
export const operators: Readonly<Record<string, Operator<never>>> = {
  ...create,
  ...casts,
  ...arithmetic,
  ...elementary,
  ...compare,
  ...logic,
  ...activation,
  ...reduce,
  ...products,
  ...convolutions,
  ...shapes,
  ...pieces,
  ...indexing,
  ...sorting,
  ...normalize,
  ...pool,
  ...channels,
  ...globalPool,
  ...patches,
  ...resampling,
  ...sampling,
  ...losses,
  ...loops,
  ...recurrent,
  ...sequences,
  ...suppression,
};
