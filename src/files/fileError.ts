import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { excerpt, KasaneError } from "../graph/error.js";

/** What the codes of the operating system mean, and how to mend it. */
const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: make room",
  EDQUOT: "the disk quota is used up: make room",
  EFBIG: "the file would be larger than the system allows",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  EMFILE: "too many open files: raise the limit (ulimit -n)",
  ENFILE: "too many open files in the whole system",
  ENOENT: "no such file",
  EEXIST: "something else has its name",
  ENOTDIR: "a part of the path is no folder",
  EISDIR: "it is a folder",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "too many links follow each other",
};

/**
 * An error of the operating system as a {@link KasaneError} that names the path; any other error as it is.
 * @param failure what could not be done, such as `cannot be written`
 */
export function fileError(path: string, failure: string, error: unknown): unknown {
  const { code, errno, message } = error as NodeJS.ErrnoException;
  if (error instanceof KasaneError || code === undefined || errno === undefined) return error;
  const reason = reasons[code];
  return new KasaneError(`${excerpt(path, 300)} ${failure}: ${reason === undefined ? excerpt(message, 200) : `${reason} (${code})`}`, {
    cause: error,
  });
}

/** Runs `body`, which writes to `path`. An error of the operating system names the path. */
export function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw fileError(path, "cannot be written", error);
  }
}

/**
 * Makes a folder, and those above it, where they are missing. Node's own recursive way does not end below `/proc`, where making one fails as
 * if the folder above were missing.
 */
export function makeFolder(folder: string): void {
  if (!failureOf(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  const failure = failureOf(folder);
  if (failure) throw fileError(folder, "cannot be made", failure);
}

/** Makes a folder, or finds it there; gives the error where the folder above is missing. */
function failureOf(folder: string): unknown {
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return error;
    if (code !== "EEXIST" || !isFolder(folder)) throw fileError(folder, "cannot be made", error);
  }
  return undefined;
}

/** Whether a path leads to a folder; not where it is a link to nothing or to itself. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
