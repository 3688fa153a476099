import { statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { readIfThere } from "../files/readFile.js";
import { KasaneError } from "../graph/error.js";
import { type DatasetOptions, defaultCache } from "./dataset.js";
import { readTarGz } from "./tar.js";
import { findTextFiles } from "./textFiles.js";

/** A dataset of many files that is not downloaded by itself: an archive, or a folder, that a reader has brought. */
export interface Archive {
  /** The archive is `name.tar.gz`, the folder `name`. */
  readonly name: string;
  readonly title: string;
  /** Where it comes from, for whoever has to bring it. */
  readonly home: string;
}

/** More than any dataset here has. */
const defaultLimit = 2 ** 30;

/**
 * The files of an archive, or of the folder of its name, that lies in `folder` or in the cache.
 * @returns their bytes, by their paths within it, with `/`, in order
 * @throws KasaneError where neither place has it, or it is damaged or larger than `limit` bytes
 */
export function readArchive(
  { name, title, home }: Archive,
  { folder, cache = defaultCache(), limit = defaultLimit }: Omit<DatasetOptions, "onDownload"> = {},
): Map<string, Uint8Array> {
  const places = folder === undefined ? [cache] : [folder, cache];
  for (const place of places) {
    const path = join(place, name);
    const files = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? filesIn(path, limit) : unpacked(`${path}.tar.gz`, limit);
    if (files) return withoutCommonFolder(files);
  }
  throw new KasaneError(
    `${title}: neither ${name}.tar.gz nor a folder ${name} is in ${places.join(" or ")}: bring it from ${home}, and name the folder that it lies in ` +
      "with --data DIR or KASANE_DATA",
  );
}

function filesIn(folder: string, limit: number): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let left = limit;
  for (const path of findTextFiles(`${folder}/**/*`)) {
    const bytes = readIfThere(path, left) as Uint8Array;
    left -= bytes.length;
    files.set(relative(folder, path).split(sep).join("/"), bytes);
  }
  return files;
}

function unpacked(path: string, limit: number): Map<string, Uint8Array> | undefined {
  const bytes = readIfThere(path, limit);
  return bytes && new Map([...readTarGz(bytes, { name: path, limit })].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Archives hold one folder with everything. */
function withoutCommonFolder(files: Map<string, Uint8Array>): Map<string, Uint8Array> {
  const [first = ""] = files.keys();
  const common = first.slice(0, first.indexOf("/") + 1);
  if (common === "" || ![...files.keys()].every((path) => path.startsWith(common))) return files;
  return new Map([...files].map(([path, bytes]) => [path.slice(common.length), bytes]));
}
