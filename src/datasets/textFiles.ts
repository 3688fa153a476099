import { createReadStream, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { fileError } from "../files/fileError.js";
import { check } from "../graph/error.js";

/**
 * The files that a pattern names, in order of their paths. `*` stands for any part of a name, `?` for one character, `**` for folders at
 * any depth. Names that begin with a dot are skipped unless the pattern has the dot. A folder stands for all `.txt` in it, at any depth.
 * @throws KasaneError where there are none
 */
export function findTextFiles(pattern: string): string[] {
  const isFolder = typeOf(pattern)?.isDirectory() ?? false;
  const segments = pattern.split("/");
  const found = isFolder
    ? filesIn(pattern).filter((file) => /\.txt$/i.test(file))
    : [...new Set(matches(segments[0] === "" ? "/" : ".", segments))].sort();
  check(found.length > 0, () =>
    isFolder
      ? `${pattern}: no .txt file is in this folder`
      : `${pattern}: no such file: expected the name of one, of a folder, or a pattern such as "texts/**/*.txt"`,
  );
  return found;
}

/** The files of a folder at any depth, in order. Names that begin with a dot are skipped, and links to folders. */
export const filesIn = (folder: string): string[] => [...matches(folder, ["**", "*"])].sort();

/** {@link filesIn} without links. */
export const plainFilesIn = (folder: string): string[] => filesIn(folder).filter((file) => lstatSync(file).isFile());

function* matches(folder: string, [segment, ...rest]: readonly string[]): Generator<string> {
  if (segment === undefined) return;
  if (segment === "" || segment === ".") {
    yield* matches(folder, rest);
    return;
  }
  if (segment === "**") {
    yield* matches(folder, rest);
    // Links are not followed: they may lead round in a circle.
    for (const entry of entriesOf(folder)) {
      if (entry.isDirectory() && !entry.name.startsWith(".")) yield* matches(join(folder, entry.name), [segment, ...rest]);
    }
    return;
  }
  const names = /[*?]/.test(segment) ? entriesOf(folder).flatMap(({ name }) => (nameMatches(segment, name) ? [name] : [])) : [segment];
  for (const name of names) {
    const path = join(folder, name);
    if (rest.length > 0) yield* matches(path, rest);
    else if (typeOf(path)?.isFile()) yield path;
  }
}

/** What is at a path, links followed; undefined where nothing can be reached. */
export function typeOf(path: string) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function nameMatches(pattern: string, name: string): boolean {
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  const expression = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "su").test(name);
}

/** What a folder holds; nothing where there is none. */
export function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw fileError(folder, "cannot be read", error);
  }
}

/** Bytes read at a time. */
const pieceSize = 2 ** 20;

/** The longest word, in characters. What is longer is no text, and would have to be kept in memory. */
const longestWord = 2 ** 24;

/**
 * The texts of UTF-8 files one after the other, in pieces that end where a word ends, so that texts of any size take little memory. A file whose
 * name ends with `.gz` is unpacked as it is read.
 * @throws KasaneError where a file cannot be read, is no plain file, is no text in UTF-8 or cannot be unpacked
 */
export async function* readTexts(files: readonly string[]): AsyncGenerator<string> {
  for (const file of files) {
    let begun = "";
    const decoder = new TextDecoder("utf-8", { fatal: true });
    check(typeOf(file)?.isFile() ?? true, () => `${file} cannot be read: it is no plain file`);
    try {
      for await (const read of open(file)) {
        const piece = decoder.decode(read as Buffer, { stream: true });
        check(!piece.includes("\0"), () => `${file} is no text: it has a character 0: if it is UTF-16, save it as UTF-8`);
        const end = Math.max(piece.lastIndexOf(" "), piece.lastIndexOf("\n"));
        if (end >= 0) yield begun + piece.slice(0, end + 1);
        begun = end >= 0 ? piece.slice(end + 1) : begun + piece;
        check(
          begun.length <= longestWord,
          () => `${file} is no text: it has ${begun.length} characters without a space or the end of a line`,
        );
      }
      begun += decoder.decode();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      check(code !== "ERR_ENCODING_INVALID_ENCODED_DATA", () => `${file} is not UTF-8 text: save it as UTF-8`);
      check(!code?.startsWith("Z_"), () => `${file} cannot be unpacked as gzip (${message}): fetch it again`);
      throw fileError(file, "cannot be read", error);
    }
    yield `${begun}\n`;
  }
}

/** The bytes of a file, unpacked where it is packed. */
function open(file: string): Readable {
  if (!file.endsWith(".gz")) return createReadStream(file, { highWaterMark: pieceSize });
  // An error of the file ends the unpacking with that error, which the reader of it sees.
  return pipeline(createReadStream(file), createGunzip({ chunkSize: pieceSize }), () => undefined);
}
