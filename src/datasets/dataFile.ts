import { existsSync } from "node:fs";
import { join } from "node:path";
import { check } from "../graph/error.js";
import { defaultCache } from "./dataset.js";

/**
 * The path of a data file that has no public home: in the folder, else in the cache, packed by gzip (`file.gz`) or not.
 * @throws KasaneError where it is in neither
 */
export function findDataFile(
  file: string,
  { folder, cache = defaultCache() }: { readonly folder?: string; readonly cache?: string } = {},
): string {
  const places = folder === undefined ? [cache] : [folder, cache];
  const found = places.flatMap((place) => [join(place, file), join(place, `${file}.gz`)]).find((path) => existsSync(path));
  check(
    found !== undefined,
    () =>
      `${file} is not in ${places.join(" or ")}: put it, or ${file}.gz, there, or name a folder that holds it with --data DIR or KASANE_DATA`,
  );
  return found;
}
