import { check } from "../graph/error.js";
import type { Dataset } from "./dataset.js";
import { linesOf } from "./lines.js";

const enJa = "https://raw.githubusercontent.com/odashi/small_parallel_enja/master";

/**
 * 50,000 English sentences of 4 to 16 words with their Japanese translations, from the Tanaka corpus, cut into words (small_parallel_enja),
 * with 500 more each for development and for the test. Read its files with {@link parallelSentences}.
 */
export const smallParallelEnJa: Dataset = {
  name: "small-parallel-enja",
  title: "small_parallel_enja",
  files: {
    "train.en": { url: `${enJa}/train.en`, sha256: "148b05dcd28638fe20ee84f2b1127001c80982be352007dda241fb759adadc76" },
    "train.ja": { url: `${enJa}/train.ja`, sha256: "fc81a1434349ec98a449d7ae9cd2530057f689637684ecfed3501ea6a8a07ecc" },
    "dev.en": { url: `${enJa}/dev.en`, sha256: "04a2673449770657fd5e3b963cb856be3130923212b6db8ac7eaeef18f06c041" },
    "dev.ja": { url: `${enJa}/dev.ja`, sha256: "cd534f56b8639dc130f86a365e5ec0aa70042000bdd740a622fbbf8b6be4acca" },
    "test.en": { url: `${enJa}/test.en`, sha256: "45edb380749ec2b49cca7618fc5a7595fc9f791180672ba466b90c873a4aa8bf" },
    "test.ja": { url: `${enJa}/test.ja`, sha256: "d37dc460a81b064e4106c8913eb11fa300da05cf3f58a7a5bbfec7e20947ddef" },
  },
};

/** A sentence and its translation, in words. */
export interface SentencePair {
  readonly source: readonly string[];
  readonly target: readonly string[];
}

/**
 * The sentences of two files, of which each line translates the same line of the other, in words separated by spaces.
 * @param files a dataset's, by name, as {@link readDataset} gives them
 * @throws KasaneError where a file is missing, they have not as many lines, or a line is empty
 */
export function parallelSentences(files: ReadonlyMap<string, Uint8Array>, sourceFile: string, targetFile: string): SentencePair[] {
  const [sources, targets] = [linesOf(files, sourceFile), linesOf(files, targetFile)];
  check(
    sources.length === targets.length,
    () => `${sourceFile} has ${sources.length} lines and ${targetFile} ${targets.length}: expected one translation for each sentence`,
  );
  const words = (line: string, file: string, i: number) => {
    const found = line.split(/\s+/).filter((word) => word !== "");
    check(found.length > 0, () => `${file}: line ${i + 1} is empty: expected a sentence`);
    return found;
  };
  return sources.map((line, i) => ({ source: words(line, sourceFile, i), target: words(targets[i] as string, targetFile, i) }));
}
