import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { datasets } from "kasane/node";
import { describe, expect, it } from "vitest";
import { tarOf } from "../datasets/makeTar.js";

const filesOf = (texts: Readonly<Record<string, string>>) =>
  new Map(Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)]));
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** A dataset of the same name and file names with other contents, read from an archive of them. */
async function fromArchive(dataset: datasets.Dataset, texts: Readonly<Record<string, string>>): Promise<Map<string, Uint8Array>> {
  const folder = mkdtempSync(join(tmpdir(), "kasane-test-"));
  try {
    const files = Object.fromEntries(Object.entries(texts).map(([name, text]) => [`${dataset.name}/${name}`, text]));
    writeFileSync(join(folder, `${dataset.name}.tar.gz`), gzipSync(tarOf(files)));
    expect(Object.keys(dataset.files).sort()).toEqual(Object.keys(texts).sort());
    const toy = {
      ...dataset,
      files: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { url: "", sha256: sha256(text) }])),
    };
    return await datasets.readDataset(toy, { folder, cache: join(folder, "cache") });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("parallelSentences", () => {
  const texts = {
    "train.en": "show your own business .\nhe swims .\n",
    "train.ja": "自分 の 事 を しろ 。\n彼 は 泳 ぐ 。\n",
    "dev.en": "yes .\n",
    "dev.ja": "はい 。\n",
    "test.en": "no .\n",
    "test.ja": "いいえ 。\n",
  };

  it("reads small_parallel_enja's lines in pairs", async () => {
    const files = await fromArchive(datasets.smallParallelEnJa, texts);
    expect(datasets.parallelSentences(files, "train.en", "train.ja")).toEqual([
      { source: ["show", "your", "own", "business", "."], target: ["自分", "の", "事", "を", "しろ", "。"] },
      { source: ["he", "swims", "."], target: ["彼", "は", "泳", "ぐ", "。"] },
    ]);
    expect(datasets.parallelSentences(files, "test.ja", "test.en")).toEqual([{ source: ["いいえ", "。"], target: ["no", "."] }]);
  });

  it("says what is missing or broken", () => {
    const read = (changed: Readonly<Record<string, string>>) => datasets.parallelSentences(filesOf(changed), "train.en", "train.ja");
    expect(() => read({ "train.en": "a\n" })).toThrow("train.ja is missing: there are train.en");
    expect(() => read({ "train.en": "a\nb\n", "train.ja": "c\n" })).toThrow("train.en has 2 lines and train.ja 1");
    expect(() => read({ "train.en": "a\n \nb\n", "train.ja": "c\nd\ne\n" })).toThrow("train.en: line 2 is empty");
    expect(() => read({ "train.en": "", "train.ja": "c\n" })).toThrow("train.en is empty");
    const notUtf8 = new Map([
      ["train.en", Uint8Array.of(0x61, 0xff)],
      ["train.ja", Uint8Array.of(0x61)],
    ]);
    expect(() => datasets.parallelSentences(notUtf8, "train.en", "train.ja")).toThrow("train.en is damaged: it is not UTF-8");
  });
});

describe("readCmudict", () => {
  const text = [
    "# a comment alone",
    "hello HH AH0 L OW1",
    "hello(2) HH EH0 L OW1",
    "present P R EH1 Z AH0 N T",
    "present(2) P R IY0 Z EH1 N T # verb",
    "aalborg AO1 L B AO0 R G # place, danish",
    "record R AH0 K AO1 R D",
    "record(2) R AH1 K AO0 R D",
    "d'artagnan D AH0 R T AE1 NY AH0 N",
    "",
  ].join("\n");

  it("keeps the variants of a word together, without stress the different ones", async () => {
    const files = await fromArchive(datasets.cmudict, { "cmudict.dict": text });
    const { train, dev, test } = datasets.readCmudict(files);
    const all = new Map([...train, ...dev, ...test].map(({ word, pronunciations }) => [word, pronunciations.map((one) => one.join(" "))]));
    expect(Object.fromEntries(all)).toEqual({
      hello: ["HH AH L OW", "HH EH L OW"],
      present: ["P R EH Z AH N T", "P R IY Z EH N T"],
      aalborg: ["AO L B AO R G"],
      record: ["R AH K AO R D"],
      "d'artagnan": ["D AH R T AE NY AH N"],
    });
    const stressed = datasets.readCmudict(files, { stress: true });
    const record = [...stressed.train, ...stressed.dev, ...stressed.test].find(({ word }) => word === "record");
    expect(record?.pronunciations).toEqual(["R AH0 K AO1 R D".split(" "), "R AH1 K AO0 R D".split(" ")]);
  });

  it("parts words by the first byte of their SHA-1: test below 0x1a, dev below 0x20", () => {
    const words = Array.from({ length: 3000 }, (_, i) => `word${String.fromCharCode(97 + (i % 26))}${i}`);
    const parts = datasets.readCmudict(filesOf({ "cmudict.dict": words.map((word) => `${word} W ER1 D`).join("\n") }));
    const byte = (word: string) => Number.parseInt(createHash("sha1").update(word).digest("hex").slice(0, 2), 16);
    const expected = {
      test: words.filter((word) => byte(word) <= 0x19),
      dev: words.filter((word) => byte(word) >= 0x1a && byte(word) <= 0x1f),
    };
    expect(parts.test.map(({ word }) => word)).toEqual(expected.test);
    expect(parts.dev.map(({ word }) => word)).toEqual(expected.dev);
    expect(expected.dev.length).toBeGreaterThan(20);
    expect(parts.train).toHaveLength(3000 - expected.test.length - expected.dev.length);
  });

  it("says which line is wrong", () => {
    const read = (broken: string) => datasets.readCmudict(filesOf({ "cmudict.dict": `hello HH AH0 L OW1\n${broken}\n` }));
    expect(() => read("word")).toThrow('cmudict.dict: line 2 is "word", expected a word and its phonemes');
    expect(() => read("word w er d")).toThrow("cmudict.dict: line 2");
    expect(() => datasets.readCmudict(new Map())).toThrow("cmudict.dict is missing: there are no files");
  });
});

describe("readSigmorphon", () => {
  const texts = {
    "eng_us_train.tsv": "abaca\tæ b ə k ɑ\nread\tɹ iː d\nread\tɹ ɛ d\n",
    "eng_us_dev.tsv": "aacdp\te ɪ e ɪ s i\n",
    "eng_us_test.tsv": "abaht\tə b ɑ t\n",
  };

  it("reads words and their segments in the fixed parts", async () => {
    expect(datasets.readSigmorphon(await fromArchive(datasets.sigmorphonEnglish, texts))).toEqual({
      train: [
        { word: "abaca", pronunciations: [["æ", "b", "ə", "k", "ɑ"]] },
        {
          word: "read",
          pronunciations: [
            ["ɹ", "iː", "d"],
            ["ɹ", "ɛ", "d"],
          ],
        },
      ],
      dev: [{ word: "aacdp", pronunciations: [["e", "ɪ", "e", "ɪ", "s", "i"]] }],
      test: [{ word: "abaht", pronunciations: [["ə", "b", "ɑ", "t"]] }],
    });
  });

  it.each(["word", "word\t", "\ta b", "word\ta b\tmore"])("says that the line %j is wrong", (line) => {
    expect(() => datasets.readSigmorphon(filesOf({ ...texts, "eng_us_dev.tsv": `${line}\n` }))).toThrow("eng_us_dev.tsv: line 1");
  });
});
