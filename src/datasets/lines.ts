import { check } from "../graph/error.js";

/**
 * The lines of a UTF-8 file of a dataset.
 * @throws KasaneError where it is missing, empty or not UTF-8
 */
export function linesOf(files: ReadonlyMap<string, Uint8Array>, file: string): string[] {
  const bytes = files.get(file);
  check(bytes !== undefined, () => `${file} is missing: there are ${[...files.keys()].join(", ") || "no files"}`);
  const text = new TextDecoder().decode(bytes);
  check(!text.includes("\ufffd"), () => `${file} is damaged: it is not UTF-8`);
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  check(lines.length > 1 || lines[0] !== "", () => `${file} is empty`);
  return lines;
}
