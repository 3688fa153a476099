import { check } from "kasane";

/** The class of each file: the first folder of its path within the source. */
export function foldersOf(paths: readonly string[], source: string): string[] {
  return paths.map((path) => {
    const [folder = "", ...rest] = path.split("/");
    check(rest.length > 0, () => `${source}: ${path} lies in no folder of a class: expected ${source}/CLASS/${path}`);
    return folder;
  });
}
