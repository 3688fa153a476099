import { createHash } from "node:crypto";
import { check, excerpt } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Dataset } from "./dataset.js";
import { linesOf } from "./lines.js";

/** The CMU Pronouncing Dictionary of December 2024: English words in ARPAbet with stress. Read its file with {@link readCmudict}. */
export const cmudict: Dataset = {
  name: "cmudict",
  title: "CMU Pronouncing Dictionary",
  files: {
    "cmudict.dict": {
      url: "https://raw.githubusercontent.com/cmusphinx/cmudict/0f8072f814306c5ee4fbf992ed853601b12c01f9/cmudict.dict",
      sha256: "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22",
    },
  },
};

const sigmorphon = "https://raw.githubusercontent.com/sigmorphon/2021-task1/821bcdece5a47820872215969f275004b0abe80c/data/high";

/** The English words of SIGMORPHON's 2021 task of pronunciation, in IPA, in a fixed split. Read its files with {@link readSigmorphon}. */
export const sigmorphonEnglish: Dataset = {
  name: "g2p-sigmorphon-eng",
  title: "SIGMORPHON 2021 task 1, English",
  files: {
    "eng_us_train.tsv": {
      url: `${sigmorphon}/eng_us_train.tsv`,
      sha256: "bbe76f57ee799ef9094b1ed1fecf8861e754ac57c6aa4db7d5b18892c5401f7f",
    },
    "eng_us_dev.tsv": { url: `${sigmorphon}/eng_us_dev.tsv`, sha256: "dcce99504c5f8a00ebf13499aa4d4c2b7fc37614b65127c98aa871855e77080e" },
    "eng_us_test.tsv": { url: `${sigmorphon}/eng_us_test.tsv`, sha256: "726192932a69a7197348ee64898613e94968234ce426cfc67d984baf5ddd317c" },
  },
};

/** A word with all its pronunciations, one or more. */
export interface Pronounced {
  readonly word: string;
  /** The phonemes of each. */
  readonly pronunciations: readonly (readonly string[])[];
}

/** Phonemes in ARPAbet without the stress of their vowels: `AH0` becomes `AH`. */
export const withoutStress = (phonemes: readonly string[]): readonly string[] => phonemes.map((phoneme) => phoneme.replace(/\d$/, ""));

/** Words to train on, to choose settings by, and to test on, none of which is in two of the parts. */
export interface PronouncedParts {
  readonly train: readonly Pronounced[];
  readonly dev: readonly Pronounced[];
  readonly test: readonly Pronounced[];
}

/**
 * The words of CMUdict, divided by the first byte of the SHA-1 of the word: test below 0x1a (10 %), dev below 0x20 (2 %), train the rest.
 * So a word stays in its part whatever the dictionary's version, and its variants with it.
 * @param files from {@link cmudict}
 * @param options.stress whether vowels carry their stress (`AH0`), by default not (`AH`)
 * @param options.file the name of the file among `files`, for a dictionary of one's own in the same form
 * @throws KasaneError where the file is missing, or a line is no word with phonemes
 */
export function readCmudict(
  files: ReadonlyMap<string, Uint8Array>,
  options: { readonly stress?: boolean; readonly file?: string } = {},
): PronouncedParts {
  checkOptions("readCmudict", options, { stress: "optional", file: "optional" });
  const { stress = false, file = "cmudict.dict" } = options;
  const entries = linesOf(files, file).flatMap((line, i) => {
    const [word, ...phonemes] = line
      .replace(/#.*/, "")
      .split(/\s+/)
      .filter((part) => part !== "");
    // A line of a comment alone.
    if (word === undefined) return [];
    const isRight = phonemes.length > 0 && phonemes.every((phoneme) => /^[A-Z]+[012]?$/.test(phoneme));
    check(isRight, () => `${file}: line ${i + 1} is "${excerpt(line)}", expected a word and its phonemes, such as "hello HH AH0 L OW1"`);
    return [{ word: word.replace(/\(\d+\)$/, ""), phonemes: stress ? phonemes : withoutStress(phonemes) }];
  });
  const parts = { train: [] as Pronounced[], dev: [] as Pronounced[], test: [] as Pronounced[] };
  for (const entry of joinVariants(entries)) {
    const byte = createHash("sha1").update(entry.word).digest()[0] as number;
    parts[byte < 0x1a ? "test" : byte < 0x20 ? "dev" : "train"].push(entry);
  }
  return parts;
}

/**
 * The words of {@link sigmorphonEnglish} in their fixed parts.
 * @throws KasaneError where a file is missing, or a line is no word with phonemes
 */
export function readSigmorphon(files: ReadonlyMap<string, Uint8Array>): PronouncedParts {
  const read = (part: string) => {
    const file = `eng_us_${part}.tsv`;
    const entries = linesOf(files, file).map((line, i) => {
      const [word, phonemes, ...more] = line.split("\t");
      const isRight = word !== "" && phonemes !== undefined && phonemes.trim() !== "" && more.length === 0;
      check(isRight, () => `${file}: line ${i + 1} is "${excerpt(line)}", expected a word, a tab, and phonemes with spaces between`);
      return { word: word as string, phonemes: phonemes.trim().split(/ +/) };
    });
    return joinVariants(entries);
  };
  return { train: read("train"), dev: read("dev"), test: read("test") };
}

/** The different pronunciations of each word together, in the order of their first lines. */
function joinVariants(entries: readonly { readonly word: string; readonly phonemes: readonly string[] }[]): Pronounced[] {
  const words = new Map<string, Map<string, readonly string[]>>();
  for (const { word, phonemes } of entries) {
    const variants = words.get(word) ?? new Map<string, readonly string[]>();
    words.set(word, variants.set(phonemes.join(" "), phonemes));
  }
  return Array.from(words, ([word, variants]) => ({ word, pronunciations: [...variants.values()] }));
}
