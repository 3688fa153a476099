import { relative, sep } from "node:path";
import { readIfThere } from "../files/readFile.js";
import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { readTarGz } from "./tar.js";
import { plainFilesIn, typeOf } from "./textFiles.js";

/** More than any dataset here has. */
const defaultLimit = 2 ** 30;

/**
 * The files of a folder at any depth, or of a `.tar.gz`, by their paths within it with `/`, in order. A folder that holds everything is left out of the
 * paths, as archives often have one; names that begin with a dot are skipped, and links of a folder.
 * @param limit bytes that all files may have together
 * @throws KasaneError where there are none, or they are damaged or larger
 */
export function readFiles(path: string, options: { readonly limit?: number } = {}): Map<string, Uint8Array> {
  checkOptions("readFiles", options, { limit: "optional" });
  const { limit = defaultLimit } = options;
  const isFolder = typeOf(path)?.isDirectory() ?? false;
  const files = isFolder ? filesIn(path, limit) : unpacked(path, limit);
  check(files.size > 0, () => `${path}: no file is in it`);
  const [first = ""] = files.keys();
  const common = first.slice(0, first.indexOf("/") + 1);
  if (common === "" || ![...files.keys()].every((name) => name.startsWith(common))) return files;
  return new Map([...files].map(([name, bytes]) => [name.slice(common.length), bytes]));
}

function filesIn(folder: string, limit: number): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let left = limit;
  for (const path of plainFilesIn(folder)) {
    const bytes = readIfThere(path, left);
    check(bytes !== undefined, () => `${path}: it was there a moment ago`);
    left -= bytes.length;
    files.set(relative(folder, path).split(sep).join("/"), bytes);
  }
  return files;
}

function unpacked(path: string, limit: number): Map<string, Uint8Array> {
  const bytes = readIfThere(path, limit);
  check(bytes !== undefined, () => `${path}: no such file: expected a folder or a .tar.gz`);
  const isPlain = (name: string) => name.split("/").every((part) => part === "." || !part.startsWith("."));
  const files = [...readTarGz(bytes, { name: path, limit })].filter(([name]) => isPlain(name));
  return new Map(files.sort(([a], [b]) => (a < b ? -1 : 1)));
}
