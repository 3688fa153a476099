import type { NodeReader } from "../registry.js";
import { attentionReaders } from "./attention.js";
import { classicalReaders } from "./classical.js";
import { controlReaders } from "./control.js";
import { elementwiseReaders } from "./elementwise.js";
import { imageReaders } from "./images.js";
import { indexingReaders } from "./indexing.js";
import { microsoftReaders } from "./microsoft.js";
import { normalizeReaders } from "./normalize.js";
import { quantizedReaders } from "./quantized.js";
import { randomReaders } from "./random.js";
import { recurrentReaders } from "./recurrent.js";
import { reduceReaders } from "./reduce.js";
import { shapeReaders } from "./shapes.js";

/** How nodes are read that are no operators of the table, by domain and type. */
export const readers: Readonly<Record<string, NodeReader>> = {
  ...elementwiseReaders,
  ...shapeReaders,
  ...indexingReaders,
  ...reduceReaders,
  ...normalizeReaders,
  ...imageReaders,
  ...quantizedReaders,
  ...randomReaders,
  ...recurrentReaders,
  ...controlReaders,
  ...classicalReaders,
  ...attentionReaders,
  ...microsoftReaders,
};
