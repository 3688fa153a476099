import { type CsvOptions, parseCsv, type Table } from "../data/table.js";
import { readIfThere } from "../files/readFile.js";
import { check, KasaneError } from "../graph/error.js";

/** Bytes that a table may have: a text of more is more than JavaScript holds. */
const largestFile = 2 ** 29;

/**
 * Reads a CSV file (UTF-8); see {@link parseCsv}. Node only.
 * @throws KasaneError where the file cannot be read, is not UTF-8 or its rows do not fit its columns
 */
export async function readCsv(file: string, options?: CsvOptions): Promise<Table> {
  const bytes = readIfThere(file, largestFile);
  check(bytes !== undefined, () => `${file}: no such file`);
  try {
    return parseCsv(new TextDecoder("utf-8", { fatal: true }).decode(bytes), options);
  } catch (error) {
    const message = error instanceof KasaneError ? error.message : "it is not UTF-8 text";
    throw new KasaneError(`${file}: ${message}`, { cause: error });
  }
}
