import { basename, dirname } from "node:path";
import { check } from "kasane";

/** The class of each file: the name of the folder that it lies in. */
export function foldersOf(paths: readonly string[], source: string): string[] {
  return paths.map((path) => {
    const folder = basename(dirname(path));
    check(folder !== "." && folder !== "", () => `${source}: ${path} lies in no folder of a class: expected ${source}/CLASS/${path}`);
    return folder;
  });
}
