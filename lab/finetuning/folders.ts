import { relative, sep } from "node:path";
import { check } from "kasane";

/** The class of each file: the first folder within the source that it lies in. A folder that holds everything counts as the source, as archives often have one. */
export function foldersOf(paths: readonly string[], source: string): string[] {
  const [first = ""] = paths;
  const root = first.slice(0, first.indexOf("/") + 1);
  const inside = root !== "" && paths.every((path) => path.startsWith(root)) ? paths.map((path) => path.slice(root.length)) : paths;
  return inside.map((path) => {
    const [folder = "", ...rest] = path.split("/");
    check(rest.length > 0 && folder !== "..", () => `${source}: ${path} lies in no folder of a class: expected ${source}/CLASS/${path}`);
    return folder;
  });
}

/** Paths of files within the folder or archive that they were found in, with `/`. */
export const within = (paths: readonly string[], source: string): string[] =>
  source.endsWith(".tar.gz") ? [...paths] : paths.map((path) => relative(source, path).split(sep).join("/"));
