import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { data } from "kasane";
import { datasets, files } from "kasane/node";
import { afterAll, beforeAll, expect, it } from "vitest";

const { encodeWords, englishWords, Vocabulary } = data;
const { findTextFiles, readTexts } = datasets;
const { loadVocabulary, saveVocabulary } = files;
const folder = mkdtempSync(join(tmpdir(), "kasane-text-"));
const at = (...path: string[]) => join(folder, ...path);

beforeAll(() => {
  for (const name of ["a/b/deep.txt", "a/one.txt", "a/two.text", "a/.hidden.txt", ".dot/in.txt", "top.txt", "a.b/x.txt"]) {
    mkdirSync(join(at(name), ".."), { recursive: true });
    writeFileSync(at(name), name);
  }
  symlinkSync(folder, at("a", "circle"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  ["**/*.txt", ["a.b/x.txt", "a/b/deep.txt", "a/one.txt", "top.txt"]],
  ["a/**/*.txt", ["a/b/deep.txt", "a/one.txt"]],
  ["a/*", ["a/one.txt", "a/two.text"]],
  ["a/???.tx?", ["a/one.txt"]],
  ["*/one.txt", ["a/one.txt"]],
  ["a.b/*", ["a.b/x.txt"]],
  [".dot/*", [".dot/in.txt"]],
  ["top.txt", ["top.txt"]],
  ["a/", ["a/b/deep.txt", "a/one.txt"]],
  ["**/**/deep.*", ["a/b/deep.txt"]],
])("finds %s", (pattern, expected) => {
  expect(findTextFiles(at(pattern))).toEqual(expected.map((name) => at(name)));
});

it("takes the name of a folder as it is, and endings in capitals too", () => {
  for (const name of ["g?/1.txt", "gX/2.txt", "g?/3.TXT"]) {
    mkdirSync(join(at(name), ".."), { recursive: true });
    writeFileSync(at(name), name);
  }
  expect(findTextFiles(at("g?"))).toEqual([at("g?/1.txt"), at("g?/3.TXT")]);
  expect(datasets.readFiles(at("g?")).size).toBe(2);
  rmSync(at("g?"), { recursive: true });
  rmSync(at("gX"), { recursive: true });
});

it.each([
  ["Latin-1", Buffer.from("caf\xe9 na\xefve\n", "latin1"), "is not UTF-8 text: save it as UTF-8"],
  ["UTF-16", Buffer.from("\ufeffhello\n", "utf16le"), "is not UTF-8 text: save it as UTF-8"],
  ["UTF-16 without a mark", Buffer.from("hello\n", "utf16le"), "is no text: it has a character 0: if it is UTF-16, save it as UTF-8"],
  ["a character that is cut off", Buffer.from("é").subarray(0, 1), "is not UTF-8 text: save it as UTF-8"],
])("refuses text in %s", async (_, bytes, message) => {
  const read = async () => {
    for await (const piece of readTexts([at("odd.text")])) expect(piece).toBe("");
  };
  writeFileSync(at("odd.text"), bytes);
  await expect(read()).rejects.toThrow(`${at("odd.text")} ${message}`);
});

it("says what it did not find", () => {
  expect(() => findTextFiles(at("none/**/*.txt"))).toThrow(/none\/\*\*\/\*\.txt: no such file: expected/);
  mkdirSync(at("empty"));
  expect(() => findTextFiles(at("empty"))).toThrow(/empty: no \.txt file is in this folder/);
});

it("reads texts in pieces that lose nothing and cut no word", async () => {
  // Longer than a piece, with a character of several bytes across its end, then a word longer than a piece.
  const text = `${"ab ".repeat(349525)}é${" cd".repeat(1000)} ${"x".repeat(3_000_000)} end`;
  writeFileSync(at("long.txt"), text);
  const pieces: string[] = [];
  for await (const piece of readTexts([at("long.txt"), at("top.txt")])) pieces.push(piece);
  expect(pieces.length).toBeGreaterThan(3);
  expect(pieces.join("")).toBe(`${text}\ntop.txt\n`);
  for (const piece of pieces) expect(piece).toMatch(/[ \n]$/);
  // A byte order mark is no character of the text.
  writeFileSync(at("marked.txt"), "\ufeffHello");
  for await (const piece of readTexts([at("marked.txt")])) expect(piece).toBe("Hello\n");
  await expect(readTexts([at("gone.txt")]).next()).rejects.toThrow(/gone\.txt cannot be read/);
});

it("unpacks texts as it reads them", async () => {
  const text = "é word\n".repeat(400_000);
  writeFileSync(at("packed.txt.gz"), gzipSync(text));
  const pieces: string[] = [];
  for await (const piece of readTexts([at("packed.txt.gz")])) pieces.push(piece);
  expect(pieces.length).toBeGreaterThan(2);
  expect(pieces.join("")).toBe(`${text}\n`);
  writeFileSync(at("plain.txt.gz"), text);
  await expect(readTexts([at("plain.txt.gz")]).next()).rejects.toThrow(/plain\.txt\.gz cannot be unpacked as gzip/);
  await expect(readTexts([at("gone.txt.gz")]).next()).rejects.toThrow(/gone\.txt\.gz cannot be read/);
});

it("cleans English as the report does", () => {
  expect(englishWords("The CAT's mat,\nis well-made -- don't\n-dash  9 l1ve_s; naïve")).toEqual([
    "the",
    "cat's",
    "mat",
    "is",
    "well-made",
    "don't",
    "lves",
    "nave",
  ]);
  expect(englishWords(" \n 123 -")).toEqual([]);
});

it("encodes words in one pass as a vocabulary of them all does", async () => {
  const words = Array.from({ length: 100_000 }, (_, i) => `w${(i * i) % 997 < 500 ? i % 7 : i % 90_000}`);
  const pieces = Array.from({ length: 10 }, (_, i) => words.slice(i * 10_000, (i + 1) * 10_000).join(" "));
  const options = { minimumCount: 2, specials: ["<?>"], unknown: "<?>" };
  const { vocabulary, ids } = await encodeWords(pieces, (piece) => piece.split(" "), options);
  const expected = Vocabulary.of(words, options);
  expect(vocabulary.tokens).toEqual(expected.tokens);
  expect(ids).toEqual(expected.encode(words));
  expect(ids).toContain(0);
});

it("keeps a vocabulary in a file", async () => {
  const file = at("words.json");
  const vocabulary = new Vocabulary(["<?>", 'a "quoted" one', "é"], "<?>");
  await saveVocabulary(file, vocabulary);
  await saveVocabulary(file, vocabulary);
  const loaded = loadVocabulary(file, "<?>");
  expect(loaded.tokens).toEqual(vocabulary.tokens);
  expect(loaded.id("strange")).toBe(0);
  await expect(saveVocabulary(file, new Vocabulary(["<?>", "other", "é"], "<?>"))).rejects.toThrow(/words\.json was made of other texts/);
  expect(() => loadVocabulary(at("gone.json"))).toThrow(/gone\.json is missing/);
  for (const text of ["", "{}", "[1]"]) {
    writeFileSync(file, text);
    expect(() => loadVocabulary(file)).toThrow(/words\.json is damaged: expected a list of words/);
  }
});
