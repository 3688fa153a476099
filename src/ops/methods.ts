import { Tensor } from "../graph/tensor.js";
import { activationMethods } from "./activation.js";
import { adaptivePoolMethods } from "./adaptivePool.js";
import { arithmeticMethods } from "./arithmetic.js";
import { channelMethods } from "./channelNorm.js";
import { compareMethods } from "./compare.js";
import { convMethods } from "./conv.js";
import { elementaryMethods } from "./elementary.js";
import { sampleMethods } from "./gridSample.js";
import { indexingMethods } from "./indexing.js";
import { logicMethods } from "./logic.js";
import { lossMethods } from "./loss.js";
import { matmulMethods } from "./matmul.js";
import { normalizeMethods } from "./normalize.js";
import { padMethods } from "./pad.js";
import { patchMethods } from "./patches.js";
import { poolMethods } from "./pool.js";
import { reduceMethods } from "./reduce.js";
import { resampleMethods } from "./resample.js";
import { shapeMethods } from "./shapes.js";
import { pieceMethods } from "./slicing.js";
import { sortingMethods } from "./sorting.js";
import { triangleMethods } from "./triangle.js";

/** The operators whose first operand is a tensor, under the names that they have as methods of it. */
export const methods = {
  ...arithmeticMethods,
  ...elementaryMethods,
  ...compareMethods,
  ...logicMethods,
  ...activationMethods,
  ...reduceMethods,
  ...matmulMethods,
  ...convMethods,
  ...shapeMethods,
  ...triangleMethods,
  ...pieceMethods,
  ...padMethods,
  ...indexingMethods,
  ...sortingMethods,
  ...normalizeMethods,
  ...poolMethods,
  ...channelMethods,
  ...adaptivePoolMethods,
  ...patchMethods,
  ...resampleMethods,
  ...sampleMethods,
  ...lossMethods,
};

/** A function of a tensor and more, as the method of that tensor. */
type Method<F> = F extends (first: never, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never;

type TensorMethods = { readonly [Name in keyof typeof methods]: Method<(typeof methods)[Name]> };

declare module "../graph/tensor.js" {
  interface Tensor extends TensorMethods {}
}

for (const [name, operation] of Object.entries<(...values: never[]) => unknown>(methods)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: unknown[]) {
      return operation(...([this, ...rest] as never[]));
    },
  });
}
