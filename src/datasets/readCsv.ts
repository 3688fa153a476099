import { readFile } from "node:fs/promises";
import { type CsvOptions, parseCsv, type Table } from "../data/table.js";
import { KasaneError } from "../graph/error.js";

/**
 * Reads a CSV file (UTF-8); see {@link parseCsv}. Node only.
 * @throws KasaneError where the file cannot be read, is not UTF-8 or its rows do not fit its columns
 */
export async function readCsv(file: string, options?: CsvOptions): Promise<Table> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new KasaneError(error.code === "ENOENT" ? `${file}: no such file` : `${file}: cannot be read: ${error.code}`);
  });
  try {
    return parseCsv(new TextDecoder("utf-8", { fatal: true }).decode(bytes), options);
  } catch (error) {
    const message = error instanceof KasaneError ? error.message : "it is not UTF-8 text";
    throw new KasaneError(`${file}: ${message}`, { cause: error });
  }
}
