import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { check } from "../graph/error.js";
import { fileError } from "./fileError.js";
import { parseJson } from "./schema.js";

/** Opens without blocking: a pipe without a writer would block for ever. */
export const openForReading = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * The contents of a file that is not trusted. Node only.
 * @param most the largest size in bytes
 * @returns undefined where there is none
 * @throws KasaneError where it cannot be read, is no plain file (a pipe, a device) or is larger
 */
export function readIfThere(file: string, most: number): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, openForReading);
    const status = fstatSync(descriptor);
    check(status.isFile(), () => `${file} cannot be read: it is no plain file`);
    check(status.size <= most, () => `${file} is too large: ${status.size} bytes, expected at most ${most}`);
    return readFileSync(descriptor);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw fileError(file, "cannot be read", error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * What a file of JSON holds. Node only.
 * @param most see {@link readIfThere}
 * @param expected what it should hold, for the error
 * @returns undefined where there is no file
 * @throws KasaneError where it cannot be read or holds something else
 */
export function readJson(file: string, most: number, expected = "JSON"): unknown {
  const bytes = readIfThere(file, most);
  return bytes && parseJson(bytes.toString(), `${file} is damaged: expected ${expected}`);
}
