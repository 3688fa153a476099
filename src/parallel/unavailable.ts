import { KasaneError } from "../graph/error.js";
import type * as workers from "./index.js";

// What `#workers` is outside Node.

export const dataParallel: typeof workers.dataParallel = () => {
  throw new KasaneError("compile: workers: they are threads of Node, which a browser does not have: leave workers out");
};
