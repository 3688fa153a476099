import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { datasets } from "kasane/node";
import { afterAll, expect, it } from "vitest";
import { tarOf } from "./makeTar.js";

const folder = mkdtempSync(join(tmpdir(), "kasane-archive-"));
afterAll(() => rmSync(folder, { recursive: true }));

const archive: datasets.Archive = { name: "toy", title: "Toys", home: "the toy shop" };
const read = (options: Parameters<typeof datasets.readArchive>[1]) =>
  [...datasets.readArchive(archive, options)].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]);
const texts = { "train/a.txt": "first", "train/b.txt": "second", "test/c.txt": "third" };
const sorted = [
  ["test/c.txt", "third"],
  ["train/a.txt", "first"],
  ["train/b.txt", "second"],
];

it("reads an archive, and the folder that it unpacks to, in the same way", () => {
  const packed = join(folder, "packed");
  mkdirSync(packed);
  writeFileSync(
    join(packed, "toy.tar.gz"),
    gzipSync(tarOf(Object.fromEntries(Object.entries(texts).map(([path, text]) => [`any/${path}`, text])))),
  );
  expect(read({ folder: packed, cache: folder })).toEqual(sorted);
  const unpacked = join(folder, "unpacked", "toy");
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(join(unpacked, path, ".."), { recursive: true });
    writeFileSync(join(unpacked, path), text);
  }
  expect(read({ cache: join(folder, "unpacked") })).toEqual(sorted);
  expect(() => read({ cache: join(folder, "unpacked"), limit: 8 })).toThrow(/train.a\.txt is too large: 5 bytes, expected at most 3/);
});

it("keeps the paths of an archive that has no folder of its own", () => {
  const plain = join(folder, "plain");
  mkdirSync(plain);
  writeFileSync(join(plain, "toy.tar.gz"), gzipSync(tarOf(texts)));
  expect(read({ folder: plain, cache: folder })).toEqual(sorted);
});

it("says where to look for it", () => {
  expect(() => read({ folder: "none", cache: "nowhere" })).toThrow(
    "Toys: neither toy.tar.gz nor a folder toy is in none or nowhere: bring it from the toy shop, and name the folder that it lies in with --data DIR or KASANE_DATA",
  );
});
