import { files } from "kasane/node";
import { z } from "zod";
import type { PredictContext } from "../context.js";

/** Where a run keeps the size of the pictures that it learnt from: others are brought to it. */
const sizeFile = "pictures.json";
const side = z
  .int()
  .min(1)
  .max(2 ** 16);
const schema = z.object({ width: side, height: side });

export const saveSize = ({ folder }: PredictContext, { width, height }: z.output<typeof schema>): Promise<void> =>
  files.writeAtomically(folder.file(sizeFile), JSON.stringify({ width, height }));

/** @throws KasaneError where the run's file is missing or damaged */
export function loadSize({ folder }: PredictContext): z.output<typeof schema> {
  const file = folder.file(sizeFile);
  return files.parseAs(schema, files.readJson(file, 2 ** 10), `${file}: expected the size of the pictures that were learnt from`);
}
