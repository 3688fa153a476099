import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { datasets } from "kasane/node";
import { afterAll, expect, it } from "vitest";
import { tarOf } from "./makeTar.js";

const folder = mkdtempSync(join(tmpdir(), "kasane-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

const read = (path: string, limit?: number) =>
  [...datasets.readFiles(path, { limit })].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]);
const texts = { "train/a.txt": "first", "train/b.txt": "second", "test/c.txt": "third" };
const sorted = [
  ["test/c.txt", "third"],
  ["train/a.txt", "first"],
  ["train/b.txt", "second"],
];

it("reads an archive, and the folder that it unpacks to, in the same way", () => {
  const packed = join(folder, "toy.tar.gz");
  const within = (name: string) => Object.fromEntries(Object.entries(texts).map(([path, text]) => [name + path, text]));
  writeFileSync(packed, gzipSync(tarOf(within("any/"))));
  expect(read(packed)).toEqual(sorted);
  // What macOS packs beside the files.
  writeFileSync(packed, gzipSync(tarOf({ "._any": "", ...within("any/"), "any/train/._a.txt": "" })));
  expect(read(packed)).toEqual(sorted);
  writeFileSync(packed, gzipSync(tarOf(texts)));
  expect(read(packed)).toEqual(sorted);
  const unpacked = join(folder, "toy");
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(join(unpacked, path, ".."), { recursive: true });
    writeFileSync(join(unpacked, path), text);
  }
  symlinkSync(packed, join(unpacked, "link"));
  expect(read(unpacked)).toEqual(sorted);
  expect(() => read(unpacked, 8)).toThrow(/train.a\.txt is too large: 5 bytes, expected at most 3/);
});

it("says what is not there", () => {
  expect(() => read(join(folder, "none"))).toThrow(/none: no such file: expected a folder or a \.tar\.gz/);
  mkdirSync(join(folder, "empty"));
  expect(() => read(join(folder, "empty"))).toThrow(/empty: no file is in it/);
  expect(() => read(join(folder, "n".repeat(300)))).toThrow(/n\.\.\. cannot be read: the name is too long \(ENAMETOOLONG\)$/);
  symlinkSync("loop", join(folder, "loop"));
  expect(() => read(join(folder, "loop"))).toThrow(/loop cannot be read: too many links follow each other \(ELOOP\)$/);
});
