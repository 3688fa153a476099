import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Experiment, ListedExperiment } from "../experiment.js";
import { check, KasaneError } from "../light.js";
import { unknownName } from "./unknownName.js";

/**
 * The experiment of a name in the list, or the one in a file of the user's.
 * @throws KasaneError where there is none, with the nearest name
 */
export async function loadExperiment(experiments: readonly ListedExperiment[], word: string): Promise<Experiment> {
  const names = experiments.map(({ name }) => name);
  if (isFile(word)) return loadFile(word, names);
  const found = experiments.find(({ name }) => name === word);
  if (!found) throw unknownName("experiment", word, names, "kasane list");
  return found.load();
}

const isFile = (word: string): boolean => /[\\/]|\.[cm]?[jt]sx?$/.test(word);

/** Loads an experiment of the user's own. TypeScript is translated as it is loaded: Node alone takes only a part of the language, and not before version 22. */
async function loadFile(file: string, taken: readonly string[]): Promise<Experiment> {
  check(
    existsSync(file),
    () => `there is no file ${file}: expected an experiment of the list (see kasane list), or a file with one of your own`,
  );
  checkLibrary(file);
  // The sources of the command are translated themselves.
  if (/\.[cm]?tsx?$/.test(file) && !import.meta.url.endsWith(".ts")) (await import("tsx/esm/api")).register();
  const exported = await importFile(file);
  const experiments = [...new Set(Object.values(exported).filter(isExperiment))];
  const [experiment] = experiments;
  check(
    experiment !== undefined && experiments.length === 1,
    () =>
      `${file} exports ${experiments.length === 0 ? "no experiment" : `${experiments.length} experiments`}, ` +
      "expected one: export const mine = defineExperiment({ name, title, options, run })",
  );
  const { name } = experiment;
  check(
    /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name),
    () => `${file}: the experiment's name is "${name}", expected one like my-experiment: run folders are named after it`,
  );
  check(!taken.includes(name), () => `${file}: the name ${name} is that of an experiment of Kasane's own: give yours another`);
  return experiment;
}

async function importFile(file: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(resolve(file)).href);
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    const isUnreadable = ["SyntaxError", "TransformError"].includes(name) || (code ?? "").startsWith("ERR_") || code === "MODULE_NOT_FOUND";
    if (!isUnreadable) throw error;
    throw new KasaneError(`${file} cannot be loaded: ${message}`, { cause: error });
  }
}

const isExperiment = (value: unknown): value is Experiment => {
  const { name, options, run } = (value ?? {}) as Partial<Experiment>;
  return typeof name === "string" && typeof run === "function" && typeof options === "object" && "_zod" in options;
};

/** Throws where the file would import another copy of the library than the command's: seeds and threads would be set in one, and used in the other. */
function checkLibrary(file: string): void {
  const libraryOf = (from: string | URL): string | undefined => {
    try {
      return realpathSync(createRequire(from).resolve("kasane"));
    } catch {
      return undefined;
    }
  };
  if (import.meta.url.endsWith(".ts")) return;
  const found = libraryOf(resolve(file));
  check(found !== undefined, () => `${file} cannot import kasane: run npm install kasane in its folder, and use npx kasane there`);
  check(
    found === libraryOf(import.meta.url),
    () => `${file} imports another copy of kasane than this command is of: use npx kasane in the folder where it lies`,
  );
}
